// Writes one member of a structured list (RFC 9651) with its parameters into a fixed buffer, without
// allocation. What does not fit, or has no form as the type asked for, is left out whole, so what is there is
// always a well-formed member.
//
// Thread rule: one owner; the buffer belongs to the caller.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace perigee::http {

class MemberWriter {
 public:
  explicit MemberWriter(std::span<char> out) : out_(out) {}

  // The item itself: a Token if the text is one, else a String.
  void name(std::string_view text);
  void flag(std::string_view key);  // ;key
  void integer(std::string_view key, int64_t value);
  void token(std::string_view key, std::string_view value);
  void string(std::string_view key, std::string_view value);
  void token_or_string(std::string_view key, std::string_view value);

  std::string_view text() const { return {out_.data(), used_}; }

 private:
  void begin(std::string_view key);
  void put(std::string_view text);
  void put_string(std::string_view text);
  void commit();

  std::span<char> out_;
  size_t used_ = 0;  // of complete parts
  size_t at_ = 0;    // where the part being written goes on
  bool fits_ = true;
};

}  // namespace perigee::http
