// Range and Content-Range. Property: resolved ranges lie within the length and do not overlap once merged.
#include <algorithm>
#include <cstdlib>
#include <cstring>

#include "edge/http/range.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace perigee::http;
  uint64_t length = 1000;
  if (size > sizeof length) {
    std::memcpy(&length, data, sizeof length);
    data += sizeof length;
    size -= sizeof length;
  }
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (const auto specs = parse_range(text)) {
    const ResolvedRanges resolved = resolve_ranges(*specs, length, {1000, 0});
    std::vector<ByteRange> ranges = resolved.ranges;
    std::sort(ranges.begin(), ranges.end(),
              [](const ByteRange& a, const ByteRange& b) { return a.first < b.first; });
    for (size_t i = 0; i < ranges.size(); ++i) {
      if (ranges[i].first > ranges[i].last || ranges[i].last >= length) std::abort();
      if (i > 0 && ranges[i].first <= ranges[i - 1].last) std::abort();
    }
  }
  if (const auto parsed = parse_content_range(text)) {
    char out[content_range_bytes];
    if (parse_content_range(format_content_range(*parsed, out)) != parsed) std::abort();
  }
  return 0;
}
