#include "edge/http/h1_framing.h"

#include <limits>

#include "edge/base/bytes.h"

namespace perigee::http {
namespace {

void note_connection_options(std::string_view list, Survey& found) {
  while (!list.empty()) {
    const size_t comma = list.find(',');
    const std::string_view option = trim_ows(list.substr(0, comma));
    if (equal_ignoring_case(option, "close")) found.close = true;
    if (equal_ignoring_case(option, "keep-alive")) found.keep_alive = true;
    if (equal_ignoring_case(option, "upgrade")) found.connection_upgrade = true;
    if (comma == std::string_view::npos) return;
    list.remove_prefix(comma + 1);
  }
}

void note_single(const Field& field, const Field*& first, bool& repeated) {
  repeated = first != nullptr;
  if (first == nullptr) first = &field;
}

// An unknown coding is not implemented; a list that merely gets "chunked" wrong is malformed (RFC
// 9112 6.1, 7.1).
Refusal check_transfer_encoding(std::string_view value) {
  if (equal_ignoring_case(value, "chunked")) return {};
  bool unknown = false;
  for (;;) {
    const size_t comma = value.find(',');
    const std::string_view coding = trim_ows(value.substr(0, comma));
    const std::string_view name = trim_ows(coding.substr(0, coding.find(';')));
    if (!is_token(name)) return {400, "malformed Transfer-Encoding"};
    if (!equal_ignoring_case(name, "chunked")) unknown = true;
    if (comma == std::string_view::npos) break;
    value.remove_prefix(comma + 1);
  }
  if (unknown) return {501, "unknown transfer coding"};
  return {400, "malformed Transfer-Encoding"};
}

}  // namespace

Survey survey(const FieldList& fields) {
  Survey found;
  for (const Field& field : fields) {
    switch (field.id) {
      case FieldId::host:
        note_single(field, found.host, found.host_repeated);
        break;
      case FieldId::content_length:
        note_single(field, found.content_length, found.content_length_repeated);
        break;
      case FieldId::transfer_encoding:
        note_single(field, found.transfer_encoding, found.transfer_encoding_repeated);
        break;
      case FieldId::connection:
        note_connection_options(field.value, found);
        break;
      case FieldId::upgrade:
        found.upgrade = true;
        break;
      case FieldId::expect:
        found.expect = true;
        if (!equal_ignoring_case(field.value, "100-continue")) found.expect_unknown = true;
        break;
      default:
        break;
    }
  }
  return found;
}

bool wants_keep_alive(const Survey& found, uint8_t version_minor) {
  if (found.close) return false;
  return version_minor >= 1 || found.keep_alive;
}

Refusal read_framing(const Survey& found, uint8_t version_minor, Framing& framing, uint64_t& content_length) {
  if (found.transfer_encoding != nullptr) {
    if (found.content_length != nullptr) return {400, "both Content-Length and Transfer-Encoding"};
    if (found.transfer_encoding_repeated) return {400, "repeated Transfer-Encoding"};
    if (version_minor == 0) return {400, "Transfer-Encoding in HTTP/1.0"};
    framing = Framing::chunked;
    return check_transfer_encoding(found.transfer_encoding->value);
  }
  if (found.content_length != nullptr) {
    if (found.content_length_repeated) return {400, "repeated Content-Length"};
    const auto length = parse_decimal(found.content_length->value);
    if (!length || *length > static_cast<uint64_t>(std::numeric_limits<int64_t>::max())) {
      return {400, "malformed Content-Length"};
    }
    framing = Framing::length;
    content_length = *length;
  }
  return {};
}

}  // namespace perigee::http
