#include "edge/http/byteranges.h"

#include <fmt/format.h>

namespace perigee::http {

std::string byteranges_type(uint64_t boundary) {
  return fmt::format("multipart/byteranges; boundary={:016x}", boundary);
}

std::string byteranges_part(uint64_t boundary, std::string_view content_type, const ByteRange& range,
                            uint64_t length) {
  std::string part = fmt::format("\r\n--{:016x}\r\n", boundary);
  if (!content_type.empty()) part += fmt::format("content-type: {}\r\n", content_type);
  char text[content_range_bytes];
  part += "content-range: ";
  part += format_content_range({range, length}, text);
  part += "\r\n\r\n";
  return part;
}

std::string byteranges_end(uint64_t boundary) { return fmt::format("\r\n--{:016x}--\r\n", boundary); }

}  // namespace perigee::http
