#include "edge/http/message.h"

namespace perigee::http {
namespace {

FieldList copy_fields(const FieldList& fields, Arena& arena) {
  FieldList copy;
  copy.reserve(fields.size());
  for (const Field& field : fields) copy.add({arena.copy(field.name), arena.copy(field.value), field.id});
  return copy;
}

}  // namespace

Method parse_method(std::string_view text) {
  switch (text.size()) {
    case 3:
      return text == "GET" ? Method::get : text == "PUT" ? Method::put : Method::other;
    case 4:
      return text == "HEAD" ? Method::head : text == "POST" ? Method::post : Method::other;
    case 5:
      return text == "PATCH" ? Method::patch : text == "TRACE" ? Method::trace : Method::other;
    case 6:
      return text == "DELETE" ? Method::delete_ : Method::other;
    case 7:
      return text == "OPTIONS" ? Method::options : text == "CONNECT" ? Method::connect : Method::other;
    default:
      return Method::other;
  }
}

std::string_view to_string(Method method) {
  switch (method) {
    case Method::get:
      return "GET";
    case Method::head:
      return "HEAD";
    case Method::post:
      return "POST";
    case Method::put:
      return "PUT";
    case Method::delete_:
      return "DELETE";
    case Method::options:
      return "OPTIONS";
    case Method::trace:
      return "TRACE";
    case Method::connect:
      return "CONNECT";
    case Method::patch:
      return "PATCH";
    case Method::other:
      return "";
  }
  return "";
}

RequestHead RequestHead::copy_to(Arena& arena) const {
  RequestHead copy;
  copy.method = method;
  copy.method_text = arena.copy(method_text);
  copy.form = form;
  copy.scheme = arena.copy(scheme);
  copy.authority = arena.copy(authority);
  copy.path = arena.copy(path);
  copy.version_minor = version_minor;
  copy.fields = copy_fields(fields, arena);
  copy.framing = framing;
  copy.content_length = content_length;
  copy.keep_alive = keep_alive;
  copy.expect_continue = expect_continue;
  copy.upgrade = upgrade;
  return copy;
}

ResponseHead ResponseHead::copy_to(Arena& arena) const {
  ResponseHead copy;
  copy.status = status;
  copy.reason = arena.copy(reason);
  copy.version_minor = version_minor;
  copy.fields = copy_fields(fields, arena);
  copy.framing = framing;
  copy.content_length = content_length;
  copy.keep_alive = keep_alive;
  return copy;
}

}  // namespace perigee::http
