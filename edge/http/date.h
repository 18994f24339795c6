// HTTP-date (RFC 9110 5.6.7): reads the three forms every recipient must accept, writes IMF-fixdate.
//
// Strict but for the case of letters, which a cache ignores (RFC 9111 4.2): two digits where the grammar says
// so, GMT and no other zone, days that exist. The day name must be one but is not held against the date.
// Second 60 is accepted and counts as the first second of the next minute.
//
// Thread rule: pure functions.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace perigee::http {

inline constexpr size_t date_bytes = 29;

// Seconds since the Unix epoch. now, in the same unit, settles the century of the two-digit years of RFC 850:
// what would be more than 50 years ahead is in the past. nullopt: not an HTTP-date.
std::optional<int64_t> parse_date(std::string_view text, int64_t now);

// "Sun, 06 Nov 1994 08:49:37 GMT" into out, which is returned as a view. Outside the years 0 to 9999 the
// nearest moment that can be written.
std::string_view format_date(int64_t seconds, std::span<char, date_bytes> out);

}  // namespace perigee::http
