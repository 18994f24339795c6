// Request heads. Properties: however the bytes arrive, the outcome is the same; what is accepted, written
// anew, parses to the same head; what takes the short way is found to be the same by the long one.
#include <cstdlib>
#include <string>
#include <vector>

#include "edge/http/h1.h"
#include "edge/http/h1_plain.h"

namespace {

using namespace perigee::http;

constexpr HeadLimits limits{.head_bytes_max = 2048, .fields_max = 20, .target_bytes_max = 256};

void require(bool holds) {
  if (!holds) std::abort();
}

bool same_fields(const FieldList& a, const FieldList& b) {
  if (a.size() != b.size()) return false;
  for (size_t i = 0; i < a.size(); ++i) {
    if (field_id(a[i].name) != field_id(b[i].name) || a[i].value != b[i].value) return false;
  }
  return true;
}

bool same(const RequestHead& a, const RequestHead& b) {
  return a.method_text == b.method_text && a.form == b.form && a.scheme == b.scheme &&
         a.authority == b.authority && a.path == b.path && a.framing == b.framing &&
         a.content_length == b.content_length && same_fields(a.fields, b.fields);
}

std::string_view target_of(const RequestHead& head, std::string_view bytes) {
  const size_t begin =
      static_cast<size_t>(head.method_text.data() - bytes.data()) + head.method_text.size() + 1;
  return bytes.substr(begin, bytes.find(' ', begin) - begin);
}

// In steps of `step` bytes, each part in memory of its exact size. `received` keeps the bytes of the last
// part alive.
HeadParse parse_in_steps(std::string_view bytes, size_t step, RequestHead& head,
                         std::vector<char>& received) {
  HeadParse result;
  size_t scanned = 0;
  while (result.outcome == HeadParse::Outcome::need_more && scanned < bytes.size()) {
    const std::string_view part = bytes.substr(0, scanned + step);
    received.assign(part.begin(), part.end());
    result = parse_request_head({received.data(), received.size()}, scanned, limits, head);
    scanned = part.size();
  }
  return result;
}

void check_short_way(std::string_view bytes) {
  const std::vector<char> exact(bytes.begin(), bytes.end());
  RequestHead plain;
  const size_t size = parse_plain_request_head({exact.data(), exact.size()}, limits, plain);
  if (size == 0) return;
  RequestHead full;
  const HeadParse result = parse_request_head_in_full(bytes, 0, limits, full);
  require(result.outcome == HeadParse::Outcome::complete && result.consumed == size);
  require(same(plain, full) && plain.keep_alive == full.keep_alive && !full.expect_continue && !full.upgrade);
}

void check_rewritten(const RequestHead& head, std::string_view bytes) {
  std::string written;
  HeadWriter writer(written);
  writer.request_line(head.method_text, target_of(head, bytes));
  for (const Field& field : head.fields) writer.field(field.name, field.value);
  writer.end();
  if (head.version_minor == 0) return;  // the writer speaks 1.1, which asks for more
  if (written.size() > limits.head_bytes_max) return;
  RequestHead again;
  const HeadParse result = parse_request_head(written, 0, limits, again);
  require(result.outcome == HeadParse::Outcome::complete && result.consumed == written.size());
  require(same(head, again));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  check_short_way(bytes);
  RequestHead whole;
  const HeadParse result = parse_request_head(bytes, 0, limits, whole);
  for (const size_t step : {size_t{1}, size_t{2}, size_t{7}}) {
    RequestHead split;
    std::vector<char> received;
    const HeadParse split_result = parse_in_steps(bytes, step, split, received);
    require(split_result.outcome == result.outcome);
    if (result.outcome != HeadParse::Outcome::complete) continue;
    require(split_result.consumed == result.consumed && same(whole, split));
  }
  if (result.outcome == HeadParse::Outcome::complete) {
    require(result.consumed <= size);
    check_rewritten(whole, bytes);
  } else if (result.outcome == HeadParse::Outcome::refused) {
    require(result.status >= 400 && result.status < 600 && !result.reason.empty());
  }
  return 0;
}
