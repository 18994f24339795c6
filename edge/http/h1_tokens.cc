#include "edge/http/h1_tokens.h"

#include <llhttp.h>

#include <cstring>

#include "edge/base/bytes.h"

namespace perigee::http {
namespace {

struct Collector {
  FieldList& fields;
  Tokens& tokens;
  uint32_t fields_max;
  bool too_many = false;
  bool head_complete = false;
};

Collector& collector_of(llhttp_t* parser) { return *static_cast<Collector*>(parser->data); }

int on_start_part(llhttp_t* parser, const char* at, size_t size) {
  collector_of(parser).tokens.start_part = {at, size};
  return 0;
}

int on_field_name(llhttp_t* parser, const char* at, size_t size) {
  Collector& collector = collector_of(parser);
  if (collector.fields.size() == collector.fields_max) {
    collector.too_many = true;
    return HPE_USER;
  }
  collector.fields.add({at, size}, {});
  return 0;
}

int on_field_value(llhttp_t* parser, const char* at, size_t size) {
  FieldList& fields = collector_of(parser).fields;
  if (fields.size() == 0) return HPE_USER;
  fields.set_last_value(trim_ows({at, size}));
  return 0;
}

// Flags and lengths are of the head only now: the body states that follow reuse them.
int on_head_complete(llhttp_t* parser) {
  Collector& collector = collector_of(parser);
  collector.head_complete = true;
  Tokens& tokens = collector.tokens;
  tokens.version_minor = parser->http_minor;
  tokens.status = parser->status_code;
  tokens.chunked = (parser->flags & F_CHUNKED) != 0;
  tokens.has_length = (parser->flags & F_CONTENT_LENGTH) != 0;
  tokens.content_length = parser->content_length;
  return 0;
}

constexpr llhttp_settings_t make_settings() {
  llhttp_settings_t settings{};
  settings.on_url = on_start_part;
  settings.on_status = on_start_part;
  settings.on_header_field = on_field_name;
  settings.on_header_value = on_field_value;
  settings.on_headers_complete = on_head_complete;
  return settings;
}

constexpr llhttp_settings_t settings = make_settings();

bool accepted(llhttp_errno_t result) { return result == HPE_OK || result == HPE_PAUSED_UPGRADE; }

Refusal run(HeadKind kind, std::string_view head, size_t method_bytes, Collector& collector) {
  llhttp_t parser;
  llhttp_init(&parser, kind == HeadKind::request ? HTTP_REQUEST : HTTP_RESPONSE, &settings);
  parser.data = &collector;
  llhttp_errno_t result = HPE_OK;
  if (method_bytes != 0) result = llhttp_execute(&parser, "GET", 3);
  if (result == HPE_OK)
    result = llhttp_execute(&parser, head.data() + method_bytes, head.size() - method_bytes);
  if (collector.too_many) return {431, "too many fields"};
  if (accepted(result) && collector.head_complete) return {};
  const char* reason = llhttp_get_error_reason(&parser);
  return {400, reason != nullptr && *reason != '\0' ? std::string_view(reason) : "the head does not parse"};
}

// lines: the field lines without the empty line. Every byte of them has to be a name, its colon, its value,
// or white space around that value.
Refusal check_tiling(std::string_view lines, const FieldList& fields) {
  const char* at = lines.data();
  const char* const end = at + lines.size();
  for (const Field& field : fields) {
    const char* const colon = at + field.name.size();
    if (field.name.data() != at || colon >= end || *colon != ':') return {400, "malformed field line"};
    // A name that is well known is a token.
    if (field.id == FieldId::other && !is_token(field.name)) return {400, "malformed field name"};
    const auto* cr = static_cast<const char*>(std::memchr(colon, '\r', static_cast<size_t>(end - colon)));
    if (cr == nullptr) return {400, "malformed field line"};
    const std::string_view value = trim_ows({colon + 1, static_cast<size_t>(cr - colon - 1)});
    if (value.size() != field.value.size() || (!value.empty() && value.data() != field.value.data())) {
      return {400, "malformed field value"};
    }
    at = cr + 2;
  }
  if (at != end) return {400, "malformed field line"};
  return {};
}

}  // namespace

Refusal tokenise(HeadKind kind, std::string_view head, size_t line_end, size_t method_bytes,
                 uint32_t fields_max, FieldList& fields, Tokens& tokens) {
  Collector collector{fields, tokens, fields_max};
  if (Refusal refusal = run(kind, head, method_bytes, collector)) return refusal;
  return check_tiling(head.substr(line_end + 2, head.size() - line_end - 4), fields);
}

}  // namespace perigee::http
