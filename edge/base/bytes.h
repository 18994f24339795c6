// Views of bytes, and small helpers on them that the standard library lacks.
//
// Thread rule: pure functions on borrowed memory; whoever owns the memory says how long a view is good.
#pragma once

#include <charconv>
#include <cstdint>
#include <optional>
#include <string_view>

namespace perigee {

// A borrowed run of bytes, immutable through this view. Lists of slices are what goes to writev.
using Slice = std::string_view;

constexpr char to_lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c; }
constexpr bool is_digit(char c) { return c >= '0' && c <= '9'; }

// ASCII only, as field names, hosts and tokens are.
constexpr bool equal_ignoring_case(std::string_view a, std::string_view b) {
  if (a.size() != b.size()) return false;
  for (size_t i = 0; i < a.size(); ++i) {
    if (to_lower(a[i]) != to_lower(b[i])) return false;
  }
  return true;
}

// Optional white space of RFC 9110 5.6.3: space and horizontal tab.
constexpr std::string_view trim_ows(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

// One or more digits and nothing else; nullopt on anything else and on overflow of 64 bits.
inline std::optional<uint64_t> parse_decimal(std::string_view text) {
  if (text.empty()) return std::nullopt;
  uint64_t value = 0;
  for (char c : text) {
    if (!is_digit(c)) return std::nullopt;
  }
  auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (ec != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

}  // namespace perigee
