#include "edge/http/h1_plain.h"

#include "edge/base/bytes.h"
#include "edge/http/authority.h"
#include "edge/http/byte_scan.h"
#include "edge/http/h1_lines.h"

namespace perigee::http {
namespace {

// Where the field lines begin; 0 if the request line is not plain.
size_t read_request_line(std::string_view bytes, const HeadLimits& limits, RequestHead& head) {
  constexpr std::string_view rest_of_line = " HTTP/1.1\r\n";
  const bool is_get = bytes.starts_with("GET /");
  if (!is_get && !bytes.starts_with("HEAD /")) return 0;
  head.method = is_get ? Method::get : Method::head;
  const size_t method_bytes = is_get ? 3 : 4;
  const size_t begin = method_bytes + 1;
  const size_t end = find_byte_of<NotVisibleOr<'#'>>(bytes, begin);
  if (end - begin > limits.target_bytes_max || !bytes.substr(end).starts_with(rest_of_line)) return 0;
  head.method_text = {bytes.data(), method_bytes};
  head.path = {bytes.data() + begin, end - begin};
  return end + rest_of_line.size();
}

// Adds the field line that begins at `at` and returns where the next one does; 0 if it is not right.
size_t read_field(std::string_view bytes, size_t at, RequestHead& head) {
  const size_t colon = find_byte_of<NotVisibleOr<':'>>(bytes, at);
  if (colon == bytes.size() || bytes[colon] != ':') return 0;
  size_t end = colon;
  do {
    end = find_byte_of<Controls>(bytes, end + 1);
  } while (end < bytes.size() && bytes[end] == '\t');
  if (bytes.size() - end < 2 || bytes[end] != '\r' || bytes[end + 1] != '\n') return 0;
  const std::string_view name(bytes.data() + at, colon - at);
  head.fields.add(name, trim_ows({bytes.data() + colon + 1, end - colon - 1}));
  // A name that is well known is a token.
  return head.fields.back().id == FieldId::other && !is_token(name) ? 0 : end + 2;
}

// Does the field leave the head plain? Takes the authority from Host.
bool obey(const Field& field, RequestHead& head) {
  switch (field.id) {
    case FieldId::host:
      if (!head.authority.empty() || !parse_authority(field.value)) return false;
      head.authority = field.value;
      return true;
    case FieldId::connection:
      return equal_ignoring_case(field.value, "keep-alive");
    case FieldId::content_length:
    case FieldId::expect:
    case FieldId::proxy_connection:
    case FieldId::transfer_encoding:
    case FieldId::upgrade:
      return false;
    default:
      return true;
  }
}

}  // namespace

size_t parse_plain_request_head(std::string_view bytes, const HeadLimits& limits, RequestHead& head) {
  bytes = bytes.substr(0, limits.head_bytes_max);
  size_t at = read_request_line(bytes, limits, head);
  if (at == 0) return 0;
  head.fields.clear();
  head.authority = head.scheme = {};
  while (at < bytes.size() && bytes[at] != '\r') {
    if (head.fields.size() == limits.fields_max) return 0;
    at = read_field(bytes, at, head);
    if (at == 0 || !obey(head.fields.back(), head)) return 0;
  }
  if (!bytes.substr(at).starts_with("\r\n") || head.authority.empty()) return 0;
  head.form = TargetForm::origin;
  head.version_minor = 1;
  head.framing = Framing::none;
  head.content_length = 0;
  head.keep_alive = true;
  head.expect_continue = head.upgrade = false;
  return at + 2;
}

}  // namespace perigee::http
