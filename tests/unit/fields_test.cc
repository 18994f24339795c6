#include "edge/http/fields.h"

#include <string>

#include "edge/base/bytes.h"
#include "edge/http/authority.h"
#include "edge/http/message.h"

namespace perigee::http {
namespace {

constexpr std::string_view all_names[] = {
#define PERIGEE_FIELD_NAME(id, name) name,
    PERIGEE_FIELDS(PERIGEE_FIELD_NAME)
#undef PERIGEE_FIELD_NAME
};

std::string upper(std::string_view text) {
  std::string result(text);
  for (char& c : result) c = c >= 'a' && c <= 'z' ? static_cast<char>(c - 0x20) : c;
  return result;
}

}  // namespace

TEST_CASE("every well-known field is recognised in any case", "[http][fields]") {
  size_t id = 1;
  for (std::string_view name : all_names) {
    INFO(name);
    CHECK(field_id(name) == static_cast<FieldId>(id));
    CHECK(field_id(upper(name)) == static_cast<FieldId>(id));
    CHECK(field_name(static_cast<FieldId>(id)) == name);
    ++id;
  }
  CHECK(field_id("Cache-Control") == FieldId::cache_control);
  CHECK(field_name(FieldId::other).empty());
}

TEST_CASE("a name that differs in one byte is not the well-known field", "[http][fields]") {
  for (std::string_view name : all_names) {
    for (size_t at = 0; at < name.size(); ++at) {
      for (int flip : {0x01, 0x08, 0x20, 0x40, 0x80}) {
        std::string near(name);
        near[at] = static_cast<char>(near[at] ^ flip);
        if (equal_ignoring_case(near, name)) continue;
        INFO(near);
        CHECK(field_name(field_id(near)) != name);
      }
    }
    CHECK(field_id(std::string(name) + "x") == FieldId::other);
    CHECK(field_id("x" + std::string(name)) == FieldId::other);
  }
  CHECK(field_id("") == FieldId::other);
  CHECK(field_id(std::string(300, 'a')) == FieldId::other);
}

TEST_CASE("a list finds the first line of a name and counts all", "[http][fields]") {
  FieldList fields;
  fields.add("Via", "a");
  fields.add("X-Thing", "b");
  fields.add("VIA", "c");
  fields.add("x-thing", "d");
  CHECK(fields.size() == 4);
  CHECK(fields.count(FieldId::via) == 2);
  CHECK(fields.value(FieldId::via) == "a");
  CHECK(fields.value(FieldId::age).empty());
  CHECK_FALSE(fields.has(FieldId::age));
  REQUIRE(fields.find("X-THING") != nullptr);
  CHECK(fields.find("X-THING")->value == "b");
  CHECK(fields.find("via") == &fields[0]);
  CHECK(fields.find("x-other") == nullptr);
}

TEST_CASE("a list knows which well-known fields it has", "[http][fields]") {
  FieldList fields;
  CHECK_FALSE(fields.has_any(~FieldSet{0}));
  fields.add("X-Thing", "b");
  CHECK(fields.has(FieldId::other));
  CHECK_FALSE(fields.has_any(field_set(FieldId::range, FieldId::if_match)));
  fields.add("If-Match", "*");
  fields.add(Field{"X-Forwarded-Proto", "http", FieldId::x_forwarded_proto});
  CHECK(fields.has_any(field_set(FieldId::range, FieldId::if_match)));
  CHECK(fields.has(FieldId::x_forwarded_proto));
  CHECK_FALSE(fields.has(FieldId::range));
  const FieldList copy = fields;
  CHECK(copy.has(FieldId::if_match));
  fields.clear();
  CHECK_FALSE(fields.has_any(~FieldSet{0}));
}

TEST_CASE("a list that was cleared keeps its memory", "[http][fields]") {
  FieldList fields;
  fields.add("Via", "a");
  const Field* row = &fields[0];
  fields.clear();
  CHECK(fields.size() == 0);
  fields.add("Age", "1");
  CHECK(&fields[0] == row);
}

TEST_CASE("methods are case-sensitive and go there and back", "[http][message]") {
  for (Method method : {Method::get, Method::head, Method::post, Method::put, Method::delete_,
                        Method::options, Method::trace, Method::connect, Method::patch}) {
    CHECK(parse_method(to_string(method)) == method);
  }
  for (const char* text : {"", "get", "Get", "GETS", "PURGE", "PROPFIND", "PAT", "OPTION"}) {
    INFO(text);
    CHECK(parse_method(text) == Method::other);
  }
  CHECK(to_string(Method::other).empty());
}

TEST_CASE("only registered statuses have a phrase", "[http][message]") {
  CHECK(reason_phrase(100) == "Continue");
  CHECK(reason_phrase(200) == "OK");
  CHECK(reason_phrase(404) == "Not Found");
  CHECK(reason_phrase(431) == "Request Header Fields Too Large");
  CHECK(reason_phrase(511) == "Network Authentication Required");
  for (int status : {-1, 0, 99, 299, 418, 512, 999}) CHECK(reason_phrase(status).empty());
}

TEST_CASE("a head copied to an arena outlives its buffer", "[http][message]") {
  std::string buffer = "PURGE|a.example|/x|Via|y";
  const std::string_view bytes = buffer;
  RequestHead head;
  head.method = Method::other;
  head.method_text = bytes.substr(0, 5);
  head.authority = bytes.substr(6, 9);
  head.path = bytes.substr(16, 2);
  head.version_minor = 0;
  head.framing = Framing::length;
  head.content_length = 7;
  head.fields.add(bytes.substr(19, 3), bytes.substr(23, 1));
  Arena arena;
  const RequestHead copy = head.copy_to(arena);
  buffer.assign(buffer.size(), '?');
  CHECK(copy.method_text == "PURGE");
  CHECK(copy.authority == "a.example");
  CHECK(copy.path == "/x");
  CHECK(copy.version_minor == 0);
  CHECK(copy.framing == Framing::length);
  CHECK(copy.content_length == 7);
  REQUIRE(copy.fields.size() == 1);
  CHECK(copy.fields[0].name == "Via");
  CHECK(copy.fields.value(FieldId::via) == "y");
}

TEST_CASE("a response head copied to an arena outlives its buffer", "[http][message]") {
  std::string buffer = "Fine|Age|12";
  const std::string_view bytes = buffer;
  ResponseHead head;
  head.status = 203;
  head.reason = bytes.substr(0, 4);
  head.keep_alive = false;
  head.framing = Framing::until_close;
  head.fields.add(bytes.substr(5, 3), bytes.substr(9, 2));
  Arena arena;
  const ResponseHead copy = head.copy_to(arena);
  buffer.assign(buffer.size(), '?');
  CHECK(copy.status == 203);
  CHECK(copy.reason == "Fine");
  CHECK_FALSE(copy.keep_alive);
  CHECK(copy.framing == Framing::until_close);
  CHECK(copy.fields.value(FieldId::age) == "12");
}

TEST_CASE("an authority is one host with at most one port", "[http][authority]") {
  struct Case {
    std::string_view text, host, port;
  };
  for (const Case& each : {
           Case{"a.example", "a.example", ""},
           Case{"A.Example:8080", "A.Example", "8080"},
           Case{"localhost", "localhost", ""},
           Case{"a.example.", "a.example.", ""},
           Case{"a_b-c.example:1", "a_b-c.example", "1"},
           Case{"127.0.0.1:65535", "127.0.0.1", "65535"},
           Case{"[::1]", "[::1]", ""},
           Case{"[2001:DB8::1]:443", "[2001:DB8::1]", "443"},
           Case{"[::ffff:192.0.2.1]:80", "[::ffff:192.0.2.1]", "80"},
       }) {
    INFO(each.text);
    const auto authority = parse_authority(each.text);
    REQUIRE(authority);
    CHECK(authority->host == each.host);
    CHECK(authority->port == each.port);
  }
}

TEST_CASE("what names no server is not an authority", "[http][authority]") {
  using namespace std::string_view_literals;
  for (std::string_view text :
       {""sv,        "."sv,       ".a"sv,    "a..b"sv, "a:"sv,     "a:0"sv,    "a:01"sv,
        "a:65536"sv, "a:99999"sv, "a:1:2"sv, ":1"sv,   "u@a"sv,    "a/b"sv,    "a b"sv,
        "a%41"sv,    "a\0b"sv,    "[::1"sv,  "[]"sv,   "[::1]x"sv, "[::1]:"sv, "[1.2.3.4]"sv,
        "[::1\0]"sv, "[v1.a]"sv,  "::1"sv,   "a,b"sv,  "a~b"sv,    "a!"sv}) {
    INFO(text);
    CHECK_FALSE(parse_authority(text));
  }
}

}  // namespace perigee::http
