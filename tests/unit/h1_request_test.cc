#include <algorithm>
#include <set>

#include "edge/http/h1.h"
#include "tests/unit/malformed_requests.h"

namespace perigee::http {
namespace {

using Outcome = HeadParse::Outcome;
using test::repeat;

struct Valid {
  std::string name;
  std::string bytes;
};

std::string get(std::string_view more_fields) {
  return "GET / HTTP/1.1\r\nHost: a.example\r\n" + std::string(more_fields) + "\r\n";
}

std::string lines(std::string_view request_line) {
  return std::string(request_line) + "\r\nHost: a.example\r\n\r\n";
}

// Odd, but right.
std::vector<Valid> valid_oddities() {
  return {
      {"nothing but Host", get("")},
      {"HTTP/1.0 without Host", "GET / HTTP/1.0\r\n\r\n"},
      {"an empty line first", "\r\nGET / HTTP/1.1\r\nHost: a.example\r\n\r\n"},
      {"two empty lines first", "\r\n\r\nGET / HTTP/1.1\r\nHost: a.example\r\n\r\n"},
      {"Host last", "GET / HTTP/1.1\r\nX: y\r\nHost: a.example\r\n\r\n"},
      {"no space after the colon", "GET / HTTP/1.1\r\nHost:a.example\r\n\r\n"},
      {"white space around a value", "GET / HTTP/1.1\r\nHost: \t a.example \t \r\n\r\n"},
      {"names in any case", "GET / HTTP/1.1\r\nhOsT: a.example\r\n\r\n"},
      {"an empty value", get("X-A:\r\n")},
      {"a value of white space", get("X-A: \t \r\n")},
      {"a name of every token character", get("!#$%&'*+-.^_`|~09azAZ: b\r\n")},
      {"a value with a colon", get("X-A: b:c: d\r\n")},
      {"a value of colons", get("X-A:::\r\n")},
      {"a value with a tab", get("X-A: b\tc\r\n")},
      {"a value above ASCII", get("X-A: caf\xc3\xa9 \xff\x80\r\n")},
      {"a field again and again", get("X-A: b\r\nX-A: b\r\nX-A: c\r\n")},
      {"100 fields", get(repeat("X: y\r\n", 99))},
      {"a method that llhttp does not know", lines("FROBNICATE /a HTTP/1.1")},
      {"a method of odd characters", lines("M-SEARCH!#$ /a HTTP/1.1")},
      {"a method of 32 bytes", lines(repeat("M", 32) + " / HTTP/1.1")},
      {"PURGE", lines("PURGE /a HTTP/1.1")},
      {"a method of another protocol", lines("DESCRIBE /a HTTP/1.1")},
      {"PRI with a path", lines("PRI /a HTTP/1.1")},
      {"two slashes", lines("GET //a//b HTTP/1.1")},
      {"dots in a path", lines("GET /../a/./b HTTP/1.1")},
      {"a path with brackets and bars", lines("GET /a[0]{1}|2|^`\"<>\\ HTTP/1.1")},
      {"a query with question marks", lines("GET /a?b?c=d&e HTTP/1.1")},
      {"a path with a scheme in it", lines("GET /http://b.example/ HTTP/1.1")},
      {"percent signs that encode nothing", lines("GET /%zz%?% HTTP/1.1")},
      {"a target of 8192 bytes", lines("GET /" + repeat("a", 8191) + " HTTP/1.1")},
      {"OPTIONS of everything", lines("OPTIONS * HTTP/1.1")},
      {"OPTIONS of a path", lines("OPTIONS /a HTTP/1.1")},
      {"CONNECT", lines("CONNECT b.example:443 HTTP/1.1")},
      {"CONNECT to IPv6", lines("CONNECT [::1]:443 HTTP/1.1")},
      {"absolute form", lines("GET http://b.example:81/c?d HTTP/1.1")},
      {"absolute form without path", lines("GET http://b.example HTTP/1.1")},
      {"absolute form with a scheme in capitals", lines("GET HTTPS://b.example/ HTTP/1.1")},
      {"absolute form with IPv6", lines("GET http://[::1]:80/ HTTP/1.1")},
      {"absolute form in HTTP/1.0 without Host", "GET http://b.example/ HTTP/1.0\r\n\r\n"},
      {"content in a GET", get("Content-Length: 5\r\n")},
      {"content length with leading zeros", get("Content-Length: 0005\r\n")},
      {"content length 2^63-1", get("Content-Length: 9223372036854775807\r\n")},
      {"chunked in capitals", get("Transfer-Encoding: CHUNKED\r\n")},
      {"chunked and close", get("Connection: close\r\nTransfer-Encoding: chunked\r\n")},
      {"unknown connection options", get("Connection: ,, x-y , keep-alive\r\n")},
      {"upgrade to WebSocket", get("Connection: Upgrade\r\nUpgrade: websocket\r\n")},
      {"upgrade with content", get("Connection: Upgrade\r\nUpgrade: x\r\nContent-Length: 3\r\n")},
      {"expectation in capitals", get("Expect: 100-Continue\r\nContent-Length: 1\r\n")},
      {"Host with a port", "GET / HTTP/1.1\r\nHost: a.example:8080\r\n\r\n"},
      {"Host with a trailing dot", "GET / HTTP/1.1\r\nHost: a.example.\r\n\r\n"},
      {"Host of IPv6", "GET / HTTP/1.1\r\nHost: [2001:db8::1]:8080\r\n\r\n"},
      {"Host with an underscore", "GET / HTTP/1.1\r\nHost: a_b.example\r\n\r\n"},
      {"Host of 253 bytes", "GET / HTTP/1.1\r\nHost: " + repeat("abcdefg.", 31) + "abcde\r\n\r\n"},
  };
}

HeadParse parse(std::string_view bytes, RequestHead& head, size_t scanned = 0) {
  return parse_request_head(bytes, scanned, HeadLimits(), head);
}

RequestHead must_parse(std::string_view bytes) {
  RequestHead head;
  const HeadParse result = parse(bytes, head);
  INFO(bytes);
  INFO(result.reason);
  REQUIRE(result.outcome == Outcome::complete);
  REQUIRE(result.consumed == bytes.size());
  return head;
}

// One byte more per call, as a slow client sends.
HeadParse parse_dripped(const std::string& bytes, RequestHead& head) {
  size_t scanned = 0;
  for (size_t size = 1; size <= bytes.size(); ++size) {
    // A copy of exact size lets the sanitizer see every byte read too far.
    const std::vector<char> received(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(size));
    const HeadParse result = parse({received.data(), received.size()}, head, scanned);
    if (result.outcome != Outcome::need_more) return result;
    scanned = size;
  }
  return {};
}

}  // namespace

TEST_CASE("every malformed request is refused with its status", "[http][h1][request]") {
  const auto table = test::malformed_requests();
  CHECK(table.size() >= 120);
  std::set<std::string> names;
  for (const auto& each : table) {
    RequestHead head;
    const HeadParse result = parse(each.bytes, head);
    INFO(each.name << ": " << result.reason);
    CHECK(result.outcome == Outcome::refused);
    CHECK(result.status == each.status);
    CHECK_FALSE(result.reason.empty());
    CHECK(names.insert(each.name).second);
  }
}

TEST_CASE("every malformed request is refused when it comes byte by byte", "[http][h1][request]") {
  for (const auto& each : test::malformed_requests()) {
    if (each.bytes.size() > 2048) continue;
    RequestHead head;
    const HeadParse result = parse_dripped(each.bytes, head);
    INFO(each.name << ": " << result.reason);
    CHECK(result.outcome == Outcome::refused);
    CHECK(result.status == each.status);
  }
}

TEST_CASE("a malformed request is refused whatever follows it", "[http][h1][request]") {
  for (const auto& each : test::malformed_requests()) {
    RequestHead head;
    const HeadParse result = parse(each.bytes + get(""), head);
    INFO(each.name << ": " << result.reason);
    CHECK(result.outcome == Outcome::refused);
  }
}

TEST_CASE("valid oddities are accepted whole and byte by byte", "[http][h1][request]") {
  for (const Valid& each : valid_oddities()) {
    RequestHead whole, dripped;
    const HeadParse result = parse(each.bytes, whole);
    INFO(each.name << ": " << result.reason);
    CHECK(result.outcome == Outcome::complete);
    CHECK(result.consumed == each.bytes.size());
    CHECK(parse(each.bytes + "GET ", whole).consumed == each.bytes.size());
    const HeadParse slow = parse_dripped(each.bytes.substr(0, 2048), dripped);
    CHECK(slow.outcome == (each.bytes.size() > 2048 ? Outcome::need_more : Outcome::complete));
  }
}

TEST_CASE("every prefix of a good head needs more", "[http][h1][request]") {
  const std::string bytes =
      "\r\nPOST /a?b HTTP/1.1\r\nHost: a.example\r\nContent-Length: 3\r\nX-Empty:\r\n\r\n";
  for (size_t size = 0; size < bytes.size(); ++size) {
    for (size_t scanned : {size_t{0}, size / 2, size == 0 ? 0 : size - 1, size}) {
      RequestHead head;
      CHECK(parse(std::string_view(bytes).substr(0, size), head, scanned).outcome == Outcome::need_more);
    }
  }
}

TEST_CASE("a forbidden byte is refused before the head is complete", "[http][h1][request]") {
  using namespace std::string_literals;
  struct Case {
    std::string bytes;
    int status;
  };
  for (const Case& each : {
           Case{"GET / HTTP/1.1\n", 400},
           Case{"GET / HTTP/1.1\r\nX: a\0"s, 400},
           Case{"GET / HTTP/1.1\r\nX: a\rb", 400},
           Case{"\x16", 400},
           Case{"GET / HTTP/1.1\r\nX: a\r\n ", 400},
           Case{"\r\n\r\n\r\n", 400},
           Case{" ", 400},
           Case{"HELO there\r\n", 400},
           Case{"GET /\r\n", 505},
           Case{"GET / HTTP/2.0\r\n", 505},
           Case{"get / HTTP/1.1\r\n", 501},
           Case{repeat("A", 33), 501},
           Case{"GET /" + repeat("a", 8192), 414},
           Case{"GET / HTTP/1.1\r\n" + repeat("X: y\r\n", 200), 431},
       }) {
    INFO(each.bytes);
    RequestHead head;
    CHECK(parse(each.bytes, head).status == each.status);
    const std::string_view before = std::string_view(each.bytes).substr(0, each.bytes.size() - 1);
    if (each.bytes.size() < 100) CHECK(parse(before, head).outcome == Outcome::need_more);
  }
}

TEST_CASE("what was scanned is not scanned again", "[http][h1][request]") {
  std::string bytes = "GET / HTTP/1.1\r\nHost: a.example\r\nX-Long: abcdefgh";
  RequestHead head;
  REQUIRE(parse(bytes, head).outcome == Outcome::need_more);
  const size_t scanned = bytes.size();
  bytes[scanned - 5] = '\n';
  bytes += "ij";
  CHECK(parse(bytes, head, scanned).outcome == Outcome::need_more);
  CHECK(parse(bytes, head, 0).outcome == Outcome::refused);
}

TEST_CASE("the limits hold to the byte", "[http][h1][request]") {
  const HeadLimits limits{.head_bytes_max = 64, .fields_max = 3, .target_bytes_max = 10};
  auto status_of = [&](std::string_view bytes) {
    RequestHead head;
    const HeadParse result = parse_request_head(bytes, 0, limits, head);
    return result.outcome == Outcome::complete ? 200 : result.status;
  };
  const std::string rest = " HTTP/1.1\r\nHost: a\r\n\r\n";
  CHECK(status_of("GET /123456789" + rest) == 200);
  CHECK(status_of("GET /1234567890" + rest) == 414);
  CHECK(status_of("GET / HTTP/1.1\r\nHost: a\r\nA:1\r\nB:2\r\n\r\n") == 200);
  CHECK(status_of("GET / HTTP/1.1\r\nHost: a\r\nA:1\r\nB:2\r\nC:3\r\n\r\n") == 431);
  for (size_t padding = 0; padding < 40; ++padding) {
    const std::string head = "GET / HTTP/1.1\r\nHost: a\r\nA:" + std::string(padding, 'x') + "\r\n\r\n";
    INFO(head.size());
    CHECK(status_of(head) == (head.size() <= 64 ? 200 : 431));
    CHECK(status_of("\r\n\r\n" + head) == (head.size() <= 64 ? 200 : 431));
    CHECK(status_of(head.substr(0, head.size() - 4)) == (head.size() - 4 < 64 ? 0 : 431));
  }
}

TEST_CASE("the target decides authority and path", "[http][h1][request]") {
  struct Case {
    std::string_view line;
    TargetForm form;
    std::string_view scheme, authority, path;
  };
  for (const Case& each : {
           Case{"GET / HTTP/1.1", TargetForm::origin, "", "a.example", "/"},
           Case{"GET /b?c HTTP/1.1", TargetForm::origin, "", "a.example", "/b?c"},
           Case{"GET http://B.example:81/c?d HTTP/1.1", TargetForm::absolute, "http", "B.example:81", "/c?d"},
           Case{"GET HTTPS://b.example HTTP/1.1", TargetForm::absolute, "HTTPS", "b.example", "/"},
           Case{"OPTIONS http://b.example HTTP/1.1", TargetForm::absolute, "http", "b.example", "*"},
           Case{"OPTIONS http://b.example/ HTTP/1.1", TargetForm::absolute, "http", "b.example", "/"},
           Case{"OPTIONS * HTTP/1.1", TargetForm::asterisk, "", "a.example", "*"},
           Case{"CONNECT b.example:443 HTTP/1.1", TargetForm::authority, "", "b.example:443", ""},
       }) {
    const std::string bytes = lines(each.line);
    const RequestHead head = must_parse(bytes);
    INFO(each.line);
    CHECK(head.form == each.form);
    CHECK(head.scheme == each.scheme);
    CHECK(head.authority == each.authority);
    CHECK(head.path == each.path);
  }
  CHECK(must_parse("GET / HTTP/1.0\r\n\r\n").authority.empty());
}

TEST_CASE("fields keep their order, their case and their values without white space", "[http][h1][request]") {
  const std::string bytes =
      "GET / HTTP/1.1\r\nHost: a.example\r\nX-One:  1 \t\r\nx-one:\r\nX-Two:a:b\r\n\r\n";
  const RequestHead head = must_parse(bytes);
  REQUIRE(head.fields.size() == 4);
  CHECK(head.fields[0].id == FieldId::host);
  CHECK(head.fields[1].name == "X-One");
  CHECK(head.fields[1].value == "1");
  CHECK(head.fields[2].name == "x-one");
  CHECK(head.fields[2].value.empty());
  CHECK(head.fields[3].value == "a:b");
}

TEST_CASE("the fields decide framing", "[http][h1][request]") {
  struct Case {
    std::string_view fields;
    Framing framing;
    uint64_t content_length;
  };
  for (const Case& each : {
           Case{"", Framing::none, 0},
           Case{"Content-Length: 0\r\n", Framing::length, 0},
           Case{"Content-Length: 42\r\n", Framing::length, 42},
           Case{"content-length:9223372036854775807\r\n", Framing::length, 9223372036854775807u},
           Case{"Transfer-Encoding: Chunked\r\n", Framing::chunked, 0},
       }) {
    const std::string bytes = get(each.fields);
    const RequestHead head = must_parse(bytes);
    INFO(each.fields);
    CHECK(head.framing == each.framing);
    CHECK(head.content_length == each.content_length);
  }
}

TEST_CASE("the connection fields decide what comes after", "[http][h1][request]") {
  struct Case {
    const char* version;
    const char* fields;
    bool keep_alive, upgrade, expect_continue;
  };
  for (const Case& each : {
           Case{"1.1", "", true, false, false},
           Case{"1.1", "Connection: close\r\n", false, false, false},
           Case{"1.1", "Connection: x, CLOSE\r\n", false, false, false},
           Case{"1.1", "Connection: keep-alive\r\nConnection: close\r\n", false, false, false},
           Case{"1.1", "Connection: closed\r\n", true, false, false},
           Case{"1.0", "", false, false, false},
           Case{"1.0", "Connection: Keep-Alive\r\n", true, false, false},
           Case{"1.0", "Connection: keep-alive, close\r\n", false, false, false},
           Case{"1.1", "Connection: upgrade\r\nUpgrade: websocket\r\n", true, true, false},
           Case{"1.1", "Upgrade: websocket\r\n", true, false, false},
           Case{"1.1", "Connection: upgrade\r\n", true, false, false},
           Case{"1.1", "Connection: upgrade\r\nUpgrade: websocket, H2C\r\n", true, false, false},
           Case{"1.0", "Connection: upgrade, keep-alive\r\nUpgrade: websocket\r\n", true, false, false},
           Case{"1.1", "Expect: 100-continue\r\nContent-Length: 1\r\n", true, false, true},
           Case{"1.1", "Expect: 100-continue\r\nTransfer-Encoding: chunked\r\n", true, false, true},
           Case{"1.1", "Expect: 100-continue\r\n", true, false, false},
           Case{"1.1", "Expect: 100-continue\r\nContent-Length: 0\r\n", true, false, false},
           Case{"1.0", "Expect: 100-continue\r\nContent-Length: 1\r\n", false, false, false},
       }) {
    const std::string bytes =
        std::string("GET / HTTP/") + each.version + "\r\nHost: a.example\r\n" + each.fields + "\r\n";
    const RequestHead head = must_parse(bytes);
    INFO(bytes);
    CHECK(head.keep_alive == each.keep_alive);
    CHECK(head.upgrade == each.upgrade);
    CHECK(head.expect_continue == each.expect_continue);
  }
}

TEST_CASE("a head used again keeps nothing of the message before", "[http][h1][request]") {
  RequestHead head;
  const std::string first =
      "POST http://b.example/c HTTP/1.0\r\nHost: b.example\r\nContent-Length: 9\r\nConnection: "
      "close\r\nUpgrade: x\r\n\r\n";
  REQUIRE(parse(first, head).outcome == Outcome::complete);
  const Field* rows = &head.fields[0];
  const std::string second = "PURGE /d HTTP/1.1\r\nHost: a.example\r\n\r\n";
  REQUIRE(parse(second, head).outcome == Outcome::complete);
  CHECK(head.method == Method::other);
  CHECK(head.method_text == "PURGE");
  CHECK(head.scheme.empty());
  CHECK(head.authority == "a.example");
  CHECK(head.version_minor == 1);
  CHECK(head.framing == Framing::none);
  CHECK(head.content_length == 0);
  CHECK(head.keep_alive);
  CHECK(head.fields.size() == 1);
  CHECK(&head.fields[0] == rows);
}

TEST_CASE("pipelined heads are parsed one by one", "[http][h1][request]") {
  const std::string bytes = get("A: 1\r\n") + get("B: 2\r\n") + "GET /unfinished";
  RequestHead head;
  const HeadParse first = parse(bytes, head);
  REQUIRE(first.outcome == Outcome::complete);
  CHECK(head.fields[1].name == "A");
  const std::string_view rest = std::string_view(bytes).substr(first.consumed);
  const HeadParse second = parse(rest, head);
  REQUIRE(second.outcome == Outcome::complete);
  CHECK(head.fields[1].name == "B");
  CHECK(parse(rest.substr(second.consumed), head).outcome == Outcome::need_more);
}

}  // namespace perigee::http
