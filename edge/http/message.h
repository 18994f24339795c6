// Heads of requests and responses, as parsed and validated, independent of the protocol version that carried
// them.
//
// A head owns no bytes: its views point into the buffer it was parsed from, or into the Arena of copy_to().
//
// Thread rule: plain data, one owner.
#pragma once

#include <cstdint>
#include <string_view>

#include "edge/base/arena.h"
#include "edge/http/fields.h"

namespace perigee::http {

enum class Method : uint8_t { get, head, post, put, delete_, options, trace, connect, patch, other };

// Case-sensitive (RFC 9110 9.1).
Method parse_method(std::string_view text);
std::string_view to_string(Method method);  // "" for other

// RFC 9110 9.2.1 and 9.2.2. An unknown method is neither.
constexpr bool is_safe(Method m) {
  return m == Method::get || m == Method::head || m == Method::options || m == Method::trace;
}
constexpr bool is_idempotent(Method m) { return is_safe(m) || m == Method::put || m == Method::delete_; }

enum class Framing : uint8_t {
  none,         // no content
  length,       // content_length bytes
  chunked,      // transfer coding chunked, and nothing else
  until_close,  // responses only
};

enum class TargetForm : uint8_t { origin, absolute, authority, asterisk };

struct RequestHead {
  Method method = Method::get;
  std::string_view method_text;
  TargetForm form = TargetForm::origin;
  std::string_view scheme;  // of an absolute-form target, or of HTTP/2; else empty
  std::string_view
      authority;  // host and port as sent: of an absolute-form target, else of Host; may be empty in HTTP/1.0
  std::string_view path;      // path and query, at least "/"; "*" for asterisk-form; empty for authority-form
  uint8_t version_minor = 1;  // of HTTP/1
  FieldList fields;           // includes the framing and connection fields as sent
  Framing framing = Framing::none;
  uint64_t content_length = 0;
  bool keep_alive = true;        // what the client can do; RFC 9112 9.3
  bool expect_continue = false;  // the client waits for 100 Continue, and there is content to wait with
  bool upgrade = false;          // Connection: upgrade with an Upgrade field, in HTTP/1.1

  RequestHead copy_to(Arena& arena) const;
};

// Content-Length: 0 announces that there is none.
constexpr bool has_content(const RequestHead& head) {
  return head.framing == Framing::chunked || (head.framing == Framing::length && head.content_length > 0);
}

struct ResponseHead {
  int status = 0;
  std::string_view reason;
  uint8_t version_minor = 1;
  FieldList fields;
  Framing framing = Framing::none;
  uint64_t content_length = 0;
  bool keep_alive = true;

  ResponseHead copy_to(Arena& arena) const;
};

// "OK", "Not Found"; "" for a status without a registered phrase.
std::string_view reason_phrase(int status);

}  // namespace perigee::http
