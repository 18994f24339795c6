// Byte ranges (RFC 9110 section 14): Range, and Content-Range.
//
// Thread rule: pure functions.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

namespace perigee::http {

// Both ends count; first <= last.
struct ByteRange {
  uint64_t first = 0;
  uint64_t last = 0;
  uint64_t length() const { return last - first + 1; }
  bool operator==(const ByteRange&) const = default;
};

// One of a Range field, before the length of the representation is known. Without first: the last `last`
// bytes. Without last: up to the end.
struct RangeSpec {
  std::optional<uint64_t> first;
  std::optional<uint64_t> last;
  bool operator==(const RangeSpec&) const = default;
};

inline constexpr size_t range_specs_max = 1024;  // of one field; beyond, the field is ignored

// "bytes=0-99, 200-, -5". nullopt: another unit, or malformed in any of its parts, so the field is to be
// ignored (RFC 9110 14.2). Positions beyond 64 bits count as the largest.
std::optional<std::vector<RangeSpec>> parse_range(std::string_view value);

struct RangeLimits {
  size_t ranges_max = 16;           // after merging
  uint64_t gap_merged = 64 * 1024;  // ranges less than this apart become one
};

struct ResolvedRanges {
  enum class Outcome : uint8_t {
    partial,        // 206 with these ranges
    unsatisfiable,  // 416: no range begins within the representation
    too_many,       // more than ranges_max: the whole representation if it is at hand, else 416
  };
  Outcome outcome = Outcome::unsatisfiable;
  // In the order asked for; in ascending order when any were merged (RFC 9110 15.3.7.2).
  std::vector<ByteRange> ranges;
};
// length: of the whole representation, in bytes.
ResolvedRanges resolve_ranges(std::span<const RangeSpec> specs, uint64_t length,
                              const RangeLimits& limits = {});

// "bytes 0-4/10", "bytes 0-4/*", "bytes */10".
struct ContentRange {
  std::optional<ByteRange> range;  // none: "*", the form of a 416
  std::optional<uint64_t> length;  // none: "*", not known
  bool operator==(const ContentRange&) const = default;
};
// nullopt: another unit, malformed, or inconsistent (first beyond last, last beyond length, numbers beyond 64
// bits).
std::optional<ContentRange> parse_content_range(std::string_view value);

inline constexpr size_t content_range_bytes = 72;
// Into out, which is returned as a view of what was written.
std::string_view format_content_range(const ContentRange& content_range,
                                      std::span<char, content_range_bytes> out);

}  // namespace perigee::http
