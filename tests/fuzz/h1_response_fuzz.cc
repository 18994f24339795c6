// Response heads, asked for by GET and by HEAD. Properties: however the bytes arrive, the outcome is the
// same; what is accepted, written anew, parses to the same head.
#include <cstdlib>
#include <string>
#include <vector>

#include "edge/http/h1.h"

namespace {

using namespace perigee::http;

constexpr HeadLimits limits{.head_bytes_max = 2048, .fields_max = 20, .target_bytes_max = 256};

void require(bool holds) {
  if (!holds) std::abort();
}

bool same(const ResponseHead& a, const ResponseHead& b) {
  if (a.status != b.status || a.framing != b.framing || a.content_length != b.content_length) return false;
  if (a.fields.size() != b.fields.size()) return false;
  for (size_t i = 0; i < a.fields.size(); ++i) {
    if (a.fields[i].value != b.fields[i].value || a.fields[i].id != b.fields[i].id) return false;
  }
  return true;
}

HeadParse parse_in_steps(std::string_view bytes, size_t step, Method to, ResponseHead& head,
                         std::vector<char>& received) {
  HeadParse result;
  size_t scanned = 0;
  while (result.outcome == HeadParse::Outcome::need_more && scanned < bytes.size()) {
    const std::string_view part = bytes.substr(0, scanned + step);
    received.assign(part.begin(), part.end());
    result = parse_response_head({received.data(), received.size()}, scanned, limits, to, head);
    scanned = part.size();
  }
  return result;
}

void check_rewritten(const ResponseHead& head, Method to) {
  std::string written;
  HeadWriter writer(written);
  writer.status_line(head.status, head.reason);
  for (const Field& field : head.fields) writer.field(field.name, field.value);
  writer.end();
  if (written.size() > limits.head_bytes_max) return;
  ResponseHead again;
  const HeadParse result = parse_response_head(written, 0, limits, to, again);
  require(result.outcome == HeadParse::Outcome::complete && result.consumed == written.size());
  require(same(head, again));
}

void check(std::string_view bytes, Method to) {
  ResponseHead whole;
  const HeadParse result = parse_response_head(bytes, 0, limits, to, whole);
  for (const size_t step : {size_t{1}, size_t{2}, size_t{7}}) {
    ResponseHead split;
    std::vector<char> received;
    const HeadParse split_result = parse_in_steps(bytes, step, to, split, received);
    require(split_result.outcome == result.outcome);
    if (result.outcome != HeadParse::Outcome::complete) continue;
    require(split_result.consumed == result.consumed && same(whole, split));
  }
  if (result.outcome != HeadParse::Outcome::complete) return;
  require(result.consumed <= bytes.size());
  require(to != Method::head || whole.framing == Framing::none);
  check_rewritten(whole, to);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  check(bytes, Method::get);
  check(bytes, Method::head);
  return 0;
}
