// The query of a request target as name and value pairs, percent-decoded.
//
// Owns its strings. Thread rule: one owner.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace perigee::origin {

// %41 becomes A; nullopt for a percent sign without two hexadecimal digits.
std::optional<std::string> percent_decode(std::string_view text);

class Query {
 public:
  Query() = default;
  // "a=1&b=x%20y&c": a name without "=" has the value "". Names and values that cannot be decoded stay as
  // they are.
  explicit Query(std::string_view text);

  // The last value of that name, so that what is appended overrides; null without one.
  const std::string* find(std::string_view name) const;
  const std::vector<std::pair<std::string, std::string>>& pairs() const { return pairs_; }
  void append(const Query& other);

 private:
  std::vector<std::pair<std::string, std::string>> pairs_;
};

}  // namespace perigee::origin
