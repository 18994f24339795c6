// The Range field of a request against a representation of known size (RFC 9110 14).
//
// Pure. Thread rule: none.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

namespace perigee::origin {

struct ByteRange {
  uint64_t first = 0;
  uint64_t length = 0;
  bool operator==(const ByteRange&) const = default;
};

struct RangeRequest {
  enum class Outcome : uint8_t {
    whole,   // no range, one we do not understand, or more of them than is decent: the field is ignored
    ranges,  // one or several, in the order asked for
    unsatisfiable,  // understood, and none of it exists: 416
  };
  Outcome outcome = Outcome::whole;
  std::vector<ByteRange> ranges;
};

// field: "bytes=0-99,-1". More than 16 ranges, or ranges that overlap, are ignored (RFC 9110 14.2 permits
// it).
RangeRequest parse_ranges(std::string_view field, uint64_t size);

}  // namespace perigee::origin
