// Cache-Control in all three readings. Property: adding no-store to whatever stands there makes it no-store.
#include <cstdlib>
#include <string>

#include "edge/http/cache_control.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace perigee::http;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const size_t half = text.find('\n');
  FieldList fields;
  fields.add("cache-control", text.substr(0, half));
  if (half != std::string_view::npos) fields.add("cache-control", text.substr(half + 1));
  fields.add("cdn-cache-control", text.substr(0, half));
  const ResponseCacheControl response = parse_response_cache_control(fields);
  if (response.max_age.seconds < 0 || response.s_maxage.seconds < 0) std::abort();
  parse_request_cache_control(fields);
  if (const auto targeted = parse_targeted_cache_control(fields, "cdn-cache-control")) {
    if (targeted->max_age.seconds < 0) std::abort();
  }
  fields.add("cache-control", "no-store");
  if (!parse_response_cache_control(fields).no_store) std::abort();
  return 0;
}
