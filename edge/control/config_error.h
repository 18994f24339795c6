// What is wrong with a configuration, said so that an operator can go to the place and mend it.
//
// Thread rule: plain values.
#pragma once

#include <compare>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "edge/base/quotes.h"

namespace perigee::control {

// A place in a file. Lines and columns count from 1; line 0 means the file as a whole, an empty file name the
// built-in default.
struct Place {
  std::string file;
  uint32_t line = 0;
  uint32_t column = 0;

  // "node.toml:3:7", "node.toml", or "default".
  std::string to_string() const;
  auto operator<=>(const Place&) const = default;
};

struct ConfigError {
  Place place;
  std::string key;      // "limits.head_bytes", "site[docs].origin"; empty for the file as a whole
  std::string message;  // "found X, expected Y"

  // "file:line:column: key: message".
  std::string to_string() const;
};

// Gathers the problems of one load. At most `errors_max` are kept, so that a hostile file costs no memory;
// the last one then says that there are more.
class ErrorList {
 public:
  static constexpr size_t errors_max = 200;

  void add(Place place, std::string key, std::string message);
  // The usual form: "found `found`, expected `expected`".
  void add(Place place, std::string key, std::string_view found, std::string_view expected);
  bool empty() const { return errors_.empty(); }
  bool full() const { return errors_.size() >= errors_max; }
  const std::vector<ConfigError>& list() const { return errors_; }
  std::vector<ConfigError> take() { return std::move(errors_); }

 private:
  std::vector<ConfigError> errors_;
};

// The candidate that `word` most likely meant, or "" when none is close: an edit distance of at most a third
// of the word's length, and of at least 1.
std::string_view closest(std::string_view word, const std::vector<std::string_view>& candidates);

// "a, b or c"; each name in quotes.
std::string alternatives(const std::vector<std::string_view>& names);

}  // namespace perigee::control
