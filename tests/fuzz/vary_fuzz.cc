// Vary and selecting bytes, and keys. Properties: a request selects what was stored under its own bytes;
// selects() agrees with comparing built bytes; a key is a fixed point. Lines: Vary, then two values for each
// of two requests; then authority, path.
#include <cstdlib>
#include <string>

#include "edge/cache/key.h"

namespace {

std::string_view take_line(std::string_view& text) {
  const size_t end = text.find('\n');
  const std::string_view line = text.substr(0, end);
  text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  return line;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace perigee;
  std::string_view text(reinterpret_cast<const char*>(data), size);
  // Field values never hold these; see http/h1.h.
  if (text.find('\0') != std::string_view::npos || text.find('\r') != std::string_view::npos) return 0;
  http::FieldList response;
  response.add("vary", take_line(text));
  const cache::Vary vary = cache::parse_vary(response);
  http::FieldList requests[2];
  for (http::FieldList& request : requests) {
    request.add("accept-language", take_line(text));
    request.add("foo", take_line(text));
    request.add("accept-encoding", request[0].value);
  }
  std::string first;
  std::string second;
  cache::selecting_bytes(vary.names, requests[0], first);
  cache::selecting_bytes(vary.names, requests[1], second);
  if (!cache::selects(first, requests[0])) std::abort();
  if (cache::selects(first, requests[1]) != (first == second)) std::abort();
  std::string key;
  const std::string_view authority = take_line(text);
  if (cache::build_key("https", authority, text, key)) {
    const cache::KeyParts parts = cache::key_parts(key);
    std::string again;
    if (!cache::build_key(parts.scheme, parts.authority, parts.path, again) || again != key) std::abort();
  }
  return 0;
}
