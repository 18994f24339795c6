#include <algorithm>
#include <string>

#include "edge/base/bytes.h"
#include "edge/http/authority.h"
#include "edge/http/h1_framing.h"
#include "edge/http/h1_plain.h"
#include "edge/http/h1_reader.h"
#include "edge/http/h1_target.h"
#include "edge/http/h1_tokens.h"

namespace perigee::http {
namespace {

constexpr size_t empty_lines_max = 2;

HeadParse refuse(const Refusal& refusal) {
  return {HeadParse::Outcome::refused, 0, refusal.status, refusal.reason};
}

void reset(RequestHead& head) {
  head.scheme = head.authority = head.path = {};
  head.fields.clear();
  head.framing = Framing::none;
  head.content_length = 0;
  head.expect_continue = head.upgrade = false;
}

size_t skip_empty_lines(std::string_view bytes) {
  size_t start = 0;
  while (start < empty_lines_max * 2 && bytes.substr(start, 2) == "\r\n") start += 2;
  return start;
}

// What the first bytes of a request line cannot be.
Refusal check_first_bytes(std::string_view bytes, size_t start) {
  if (start == bytes.size()) return {};
  if (bytes[start] == ' ' || bytes[start] == '\t') return {400, "white space before the request line"};
  if (bytes[start] == '\r' && start + 1 < bytes.size()) {
    if (bytes[start + 1] != '\n') return {400, "bare CR in the head"};
    return {400, "too many empty lines before the request line"};
  }
  return {};
}

// The request line is judged in the call that sees its end, not only when the head is complete: whoever
// speaks another protocol is told at once.
Refusal check_request_line_so_far(std::string_view bytes, size_t start, size_t scanned, const HeadScan& scan,
                                  const HeadLimits& limits, RequestHead& head) {
  if (scan.line_end == std::string_view::npos) {
    return check_unfinished_request_line(bytes.substr(start), scanned - std::min(scanned, start), limits);
  }
  if (bytes.find('\r', start) != scan.line_end) return {};
  std::string_view target;
  return parse_request_line(bytes.substr(start, scan.line_end - start), limits, head, target);
}

Refusal check_unfinished(std::string_view bytes, size_t start, size_t scanned, const HeadScan& scan,
                         const HeadLimits& limits, RequestHead& head) {
  if (Refusal refusal = check_request_line_so_far(bytes, start, scanned, scan, limits, head)) return refusal;
  if (too_many_lines(bytes, start, scanned, limits.fields_max)) return {431, "too many fields"};
  if (bytes.size() - start < limits.head_bytes_max) return {};
  const bool in_request_line = bytes.find('\r', start) == std::string_view::npos;
  return in_request_line ? Refusal{414, "target too long"} : Refusal{431, "head too long"};
}

Refusal check_host(const Survey& found, RequestHead& head) {
  if (found.host_repeated) return {400, "repeated Host"};
  if (found.host == nullptr) {
    // RFC 9112 3.2: only HTTP/1.0 may leave it out.
    return head.version_minor >= 1 ? Refusal{400, "missing Host"} : Refusal{};
  }
  if (!parse_authority(found.host->value)) return {400, "malformed Host"};
  // RFC 9112 3.2.2 and 3.2.3: the target wins where it names the authority itself.
  if (head.authority.empty()) head.authority = found.host->value;
  return {};
}

// RFC 9113 3.1: this way to HTTP/2 is obsolete, and what followed an origin's 101 would pass by all that is
// judged here.
bool asks_for_http2(const FieldList& fields) {
  for (const Field& field : fields) {
    if (field.id != FieldId::upgrade) continue;
    std::string value(field.value);
    std::transform(value.begin(), value.end(), value.begin(), to_lower);
    if (value.find("h2c") != std::string::npos) return true;
  }
  return false;
}

Refusal check_fields(RequestHead& head) {
  const Survey found = survey(head.fields);
  if (Refusal refusal = check_host(found, head)) return refusal;
  if (Refusal refusal = read_framing(found, head.version_minor, head.framing, head.content_length))
    return refusal;
  if (found.expect_unknown) return {417, "unknown expectation"};
  const bool has_content = head.framing == Framing::chunked || head.content_length != 0;
  // RFC 9110 10.1.1 and 7.8: both mean nothing in HTTP/1.0.
  head.expect_continue = found.expect && has_content && head.version_minor >= 1;
  head.upgrade =
      found.upgrade && found.connection_upgrade && head.version_minor >= 1 && !asks_for_http2(head.fields);
  head.keep_alive = wants_keep_alive(found, head.version_minor);
  return {};
}

Refusal check_agreement(const Tokens& tokens, std::string_view target, const RequestHead& head) {
  const bool agrees =
      tokens.start_part.data() == target.data() && tokens.start_part.size() == target.size() &&
      tokens.version_minor == head.version_minor && tokens.chunked == (head.framing == Framing::chunked) &&
      tokens.has_length == (head.framing == Framing::length) &&
      (!tokens.has_length || tokens.content_length == head.content_length);
  return agrees ? Refusal{} : Refusal{400, "ambiguous head"};
}

// An error of llhttp about transfer codings is only "does not parse"; the fields it had found by then may
// tell more.
Refusal explain(const Refusal& refusal, const RequestHead& head) {
  if (refusal.status != 400) return refusal;
  Framing framing = Framing::none;
  uint64_t content_length = 0;
  const Refusal ours = read_framing(survey(head.fields), head.version_minor, framing, content_length);
  return ours ? ours : refusal;
}

Refusal parse_complete(std::string_view bytes, const HeadLimits& limits, RequestHead& head) {
  reset(head);
  const size_t line_end = bytes.find('\r');
  std::string_view target;
  if (Refusal refusal = parse_request_line(bytes.substr(0, line_end), limits, head, target)) return refusal;
  Tokens tokens;
  const size_t unknown_method_bytes = head.method == Method::other ? head.method_text.size() : 0;
  if (Refusal refusal = tokenise(HeadKind::request, bytes, line_end, unknown_method_bytes, limits.fields_max,
                                 head.fields, tokens)) {
    return explain(refusal, head);
  }
  if (Refusal refusal = check_fields(head)) return refusal;
  return check_agreement(tokens, target, head);
}

}  // namespace

HeadParse parse_request_head(std::string_view bytes, size_t scanned, const HeadLimits& limits,
                             RequestHead& head) {
  // Only at first sight: a head that drips in is not read from its start each time.
  const size_t plain = scanned == 0 ? parse_plain_request_head(bytes, limits, head) : 0;
  if (plain != 0) return {HeadParse::Outcome::complete, plain, 0, {}};
  return parse_request_head_in_full(bytes, scanned, limits, head);
}

HeadParse parse_request_head_in_full(std::string_view bytes, size_t scanned, const HeadLimits& limits,
                                     RequestHead& head) {
  const size_t start = skip_empty_lines(bytes);
  if (Refusal refusal = check_first_bytes(bytes, start)) return refuse(refusal);
  bytes = bytes.substr(0, start + limits.head_bytes_max);
  const HeadScan scan = scan_head(bytes, start, scanned);
  if (scan.outcome == HeadScan::Outcome::refused) return refuse({400, scan.reason});
  if (scan.outcome == HeadScan::Outcome::complete) {
    if (Refusal refusal = parse_complete(bytes.substr(start, scan.end - start), limits, head))
      return refuse(refusal);
    return {HeadParse::Outcome::complete, scan.end, 0, {}};
  }
  if (Refusal refusal = check_unfinished(bytes, start, scanned, scan, limits, head)) return refuse(refusal);
  return {};
}

}  // namespace perigee::http
