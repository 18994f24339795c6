#include "edge/base/bytes.h"
#include "edge/http/h1_framing.h"
#include "edge/http/h1_reader.h"
#include "edge/http/h1_tokens.h"

namespace perigee::http {
namespace {

constexpr int bad_gateway = 502;

HeadParse refused(std::string_view reason) { return {HeadParse::Outcome::refused, 0, bad_gateway, reason}; }

void reset(ResponseHead& head) {
  head.reason = {};
  head.fields.clear();
  head.framing = Framing::none;
  head.content_length = 0;
}

// RFC 9112 4, but for the space before a reason phrase that is not there: servers in use leave it out.
Refusal parse_status_line(std::string_view line, ResponseHead& head) {
  constexpr size_t version_bytes = 8;
  constexpr size_t status_end = version_bytes + 4;
  if (!line.starts_with("HTTP/1.1 ") && !line.starts_with("HTTP/1.0 "))
    return {bad_gateway, "malformed HTTP version"};
  head.version_minor = static_cast<uint8_t>(line[version_bytes - 1] - '0');
  const auto status =
      line.size() < status_end ? std::nullopt : parse_decimal(line.substr(version_bytes + 1, 3));
  if (!status || *status < 100) return {bad_gateway, "malformed status"};
  if (line.size() > status_end && line[status_end] != ' ') return {bad_gateway, "malformed status"};
  head.status = static_cast<int>(*status);
  head.reason = line.size() > status_end ? line.substr(status_end + 1) : std::string_view();
  return {};
}

bool has_no_content(Method to, int status) {
  return status < 200 || status == 204 || status == 304 || to == Method::head ||
         (to == Method::connect && status < 300);
}

// RFC 9112 6.3.
Refusal check_fields(Method to, ResponseHead& head) {
  const Survey found = survey(head.fields);
  head.keep_alive = wants_keep_alive(found, head.version_minor);
  if (Refusal refusal = read_framing(found, head.version_minor, head.framing, head.content_length))
    return refusal;
  if (has_no_content(to, head.status)) {
    // A sender that announces content where there can be none may well send it: nothing after this head is to
    // be trusted.
    const bool announced = head.framing == Framing::chunked || head.content_length != 0;
    if (announced && (head.status < 200 || head.status == 204)) head.keep_alive = false;
    head.framing = Framing::none;
    head.content_length = 0;
  } else if (head.framing == Framing::none) {
    head.framing = Framing::until_close;
    head.keep_alive = false;
  }
  return {};
}

Refusal check_agreement(const Tokens& tokens, const ResponseHead& head) {
  const bool chunked = head.framing == Framing::chunked;
  const bool agrees = tokens.status == head.status && tokens.version_minor == head.version_minor &&
                      (tokens.start_part.empty() || tokens.start_part.data() == head.reason.data()) &&
                      (!chunked || tokens.chunked) &&
                      (head.framing != Framing::length ||
                       (tokens.has_length && tokens.content_length == head.content_length));
  return agrees ? Refusal{} : Refusal{bad_gateway, "ambiguous head"};
}

Refusal parse_complete(std::string_view bytes, const HeadLimits& limits, Method to, ResponseHead& head) {
  reset(head);
  const size_t line_end = bytes.find('\r');
  if (Refusal refusal = parse_status_line(bytes.substr(0, line_end), head)) return refusal;
  Tokens tokens;
  if (Refusal refusal =
          tokenise(HeadKind::response, bytes, line_end, 0, limits.fields_max, head.fields, tokens))
    return refusal;
  if (Refusal refusal = check_fields(to, head)) return refusal;
  return check_agreement(tokens, head);
}

// The status line is judged in the call that sees its end.
Refusal check_unfinished(std::string_view bytes, size_t scanned, const HeadScan& scan,
                         const HeadLimits& limits, ResponseHead& head) {
  if (scan.line_end != std::string_view::npos && bytes.find('\r') == scan.line_end) {
    if (Refusal refusal = parse_status_line(bytes.substr(0, scan.line_end), head)) return refusal;
  }
  if (too_many_lines(bytes, 0, scanned, limits.fields_max)) return {bad_gateway, "too many fields"};
  if (bytes.size() >= limits.head_bytes_max) return {bad_gateway, "head too long"};
  return {};
}

}  // namespace

HeadParse parse_response_head(std::string_view bytes, size_t scanned, const HeadLimits& limits, Method to,
                              ResponseHead& head) {
  if (!bytes.empty() && bytes.front() != 'H') return refused("malformed status line");
  bytes = bytes.substr(0, limits.head_bytes_max);
  const HeadScan scan = scan_head(bytes, 0, scanned);
  if (scan.outcome == HeadScan::Outcome::refused) return refused(scan.reason);
  if (scan.outcome == HeadScan::Outcome::complete) {
    if (Refusal refusal = parse_complete(bytes.substr(0, scan.end), limits, to, head))
      return refused(refusal.reason);
    return {HeadParse::Outcome::complete, scan.end, 0, {}};
  }
  if (Refusal refusal = check_unfinished(bytes, scanned, scan, limits, head)) return refused(refusal.reason);
  return {};
}

}  // namespace perigee::http
