// multipart/byteranges (RFC 9110 14.6): what stands around the ranges of a 206 with more than one.
//
// Thread rule: pure functions.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "edge/http/range.h"

namespace perigee::http {

// "multipart/byteranges; boundary=...". The boundary must not occur in the content: callers take it at
// random.
std::string byteranges_type(uint64_t boundary);
// Stands before the bytes of one range, blank line included. As long for every boundary. content_type: of the
// representation; empty: not said.
std::string byteranges_part(uint64_t boundary, std::string_view content_type, const ByteRange& range,
                            uint64_t length);
// Stands behind the last.
std::string byteranges_end(uint64_t boundary);

}  // namespace perigee::http
