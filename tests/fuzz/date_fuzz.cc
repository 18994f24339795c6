// HTTP-dates. Property: what parses is written as a date that parses into the same second.
#include <cstdlib>
#include <cstring>

#include "edge/http/date.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace perigee::http;
  int64_t now = 1717761600;
  if (size > 40) std::memcpy(&now, data + size - sizeof now, sizeof now);
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  for (size_t length : {size, size < 29 ? size : size_t{29}, size < 24 ? size : size_t{24}}) {
    const auto seconds = parse_date(text.substr(0, length), now);
    if (!seconds) continue;
    char out[date_bytes];
    const auto again = parse_date(format_date(*seconds, out), now);
    // Only a leap second at the end of the year 9999 lies beyond what can be written.
    if (again != seconds && *seconds != 253402300800) std::abort();
  }
  return 0;
}
