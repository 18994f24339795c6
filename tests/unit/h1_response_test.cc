#include <string>

#include "edge/http/h1.h"
#include "tests/unit/malformed_requests.h"

namespace perigee::http {
namespace {

using Outcome = HeadParse::Outcome;
using test::repeat;
using namespace std::string_literals;

HeadParse parse(std::string_view bytes, ResponseHead& head, Method to = Method::get, size_t scanned = 0) {
  return parse_response_head(bytes, scanned, HeadLimits(), to, head);
}

std::string answer(int status, std::string_view fields) {
  return "HTTP/1.1 " + std::to_string(status) + " Reason\r\n" + std::string(fields) + "\r\n";
}

struct Malformed {
  const char* name;
  std::string bytes;
};

std::vector<Malformed> malformed_responses() {
  return {
      {"empty line first", "\r\nHTTP/1.1 200 OK\r\n\r\n"},
      {"space first", " HTTP/1.1 200 OK\r\n\r\n"},
      {"HTTP/2.0", "HTTP/2.0 200 OK\r\n\r\n"},
      {"HTTP/0.9", "HTTP/0.9 200 OK\r\n\r\n"},
      {"HTTP/1.2", "HTTP/1.2 200 OK\r\n\r\n"},
      {"lower-case version", "http/1.1 200 OK\r\n\r\n"},
      {"another protocol", "ICY 200 OK\r\n\r\n"},
      {"no version", "200 OK\r\n\r\n"},
      {"no status", "HTTP/1.1\r\n\r\n"},
      {"no status, but a space", "HTTP/1.1 \r\n\r\n"},
      {"status of two digits", "HTTP/1.1 20 OK\r\n\r\n"},
      {"status of four digits", "HTTP/1.1 2000 OK\r\n\r\n"},
      {"status below 100", "HTTP/1.1 099 OK\r\n\r\n"},
      {"status 000", "HTTP/1.1 000 OK\r\n\r\n"},
      {"status with a letter", "HTTP/1.1 2x0 OK\r\n\r\n"},
      {"signed status", "HTTP/1.1 +20 OK\r\n\r\n"},
      {"two spaces before the status", "HTTP/1.1  200 OK\r\n\r\n"},
      {"tab before the status", "HTTP/1.1\t200 OK\r\n\r\n"},
      {"tab after the status", "HTTP/1.1 200\tOK\r\n\r\n"},
      {"NUL in the reason", "HTTP/1.1 200 O\0K\r\n\r\n"s},
      {"DEL in the reason", "HTTP/1.1 200 O\x7fK\r\n\r\n"},
      {"bare LF after the status line", "HTTP/1.1 200 OK\nX: y\r\n\r\n"},
      {"bare CR in the reason", "HTTP/1.1 200 O\rK\r\n\r\n"},
      {"bare LF for the empty line", "HTTP/1.1 200 OK\r\nX: y\r\n\n"},
      {"fold", "HTTP/1.1 200 OK\r\nX: y\r\n z\r\n\r\n"},
      {"white space before the first field", "HTTP/1.1 200 OK\r\n X: y\r\n\r\n"},
      {"space before the colon", answer(200, "X : y\r\n")},
      {"empty name", answer(200, ": y\r\n")},
      {"no colon", answer(200, "X\r\n")},
      {"name with a space", answer(200, "X Y: z\r\n")},
      {"value with a control", answer(200, "X: \x01\r\n")},
      {"both framings", answer(200, "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n")},
      {"both framings with 304", answer(304, "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n")},
      {"two lengths", answer(200, "Content-Length: 1\r\nContent-Length: 2\r\n")},
      {"two equal lengths", answer(200, "Content-Length: 1\r\nContent-Length: 1\r\n")},
      {"list of lengths", answer(200, "Content-Length: 1, 1\r\n")},
      {"signed length", answer(200, "Content-Length: +1\r\n")},
      {"empty length", answer(200, "Content-Length:\r\n")},
      {"length beyond 64 bits", answer(200, "Content-Length: 18446744073709551616\r\n")},
      {"malformed length with 304", answer(304, "Content-Length: x\r\n")},
      {"gzip as a transfer coding", answer(200, "Transfer-Encoding: gzip\r\n")},
      {"gzip before chunked", answer(200, "Transfer-Encoding: gzip, chunked\r\n")},
      {"identity", answer(200, "Transfer-Encoding: identity\r\n")},
      {"chunked twice", answer(200, "Transfer-Encoding: chunked, chunked\r\n")},
      {"two lines of chunked", answer(200, "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n")},
      {"chunked in HTTP/1.0", "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"},
      {"101 fields", answer(200, repeat("X: y\r\n", 101))},
      {"101 fields and no end", "HTTP/1.1 200 OK\r\n" + repeat("X: y\r\n", 200)},
      {"a head without end", "HTTP/1.1 200 OK\r\nX: " + repeat("y", 16384)},
      {"a reason without end", "HTTP/1.1 200 " + repeat("y", 16384)},
      {"a request", "GET / HTTP/1.1\r\nHost: a\r\n\r\n"},
      {"content", "<html>"},
  };
}

}  // namespace

TEST_CASE("every malformed response is refused, whole and byte by byte", "[http][h1][response]") {
  for (const Malformed& each : malformed_responses()) {
    ResponseHead head;
    const HeadParse whole = parse(each.bytes, head);
    INFO(each.name << ": " << whole.reason);
    CHECK(whole.outcome == Outcome::refused);
    CHECK(whole.status == 502);
    CHECK_FALSE(whole.reason.empty());
    HeadParse dripped;
    const std::string bytes = each.bytes.substr(0, 2048);
    for (size_t size = 1; size <= bytes.size() && dripped.outcome == Outcome::need_more; ++size) {
      dripped = parse(std::string_view(bytes).substr(0, size), head, Method::get, size - 1);
    }
    CHECK(dripped.outcome == (each.bytes.size() > 2048 ? Outcome::need_more : Outcome::refused));
  }
}

TEST_CASE("status, reason and version are read", "[http][h1][response]") {
  struct Case {
    std::string_view line;
    int status;
    std::string_view reason;
    int version_minor;
  };
  for (const Case& each : {
           Case{"HTTP/1.1 200 OK", 200, "OK", 1},
           Case{"HTTP/1.0 404 Not Found", 404, "Not Found", 0},
           Case{"HTTP/1.1 200 ", 200, "", 1},
           Case{"HTTP/1.1 200", 200, "", 1},
           Case{"HTTP/1.1 999 Odd\tphrase \xe9", 999, "Odd\tphrase \xe9", 1},
           Case{"HTTP/1.1 100 Continue", 100, "Continue", 1},
           Case{"HTTP/1.1 299 200 OK", 299, "200 OK", 1},
       }) {
    const std::string bytes = std::string(each.line) + "\r\nX: y\r\n\r\n";
    ResponseHead head;
    const std::string received = bytes + "content";
    const HeadParse result = parse(received, head);
    INFO(each.line << ": " << result.reason);
    REQUIRE(result.outcome == Outcome::complete);
    CHECK(result.consumed == bytes.size());
    CHECK(head.status == each.status);
    CHECK(head.reason == each.reason);
    CHECK(head.version_minor == each.version_minor);
    REQUIRE(head.fields.size() == 1);
    CHECK(head.fields[0].value == "y");
  }
}

TEST_CASE("status, request method and fields decide framing", "[http][h1][response]") {
  struct Case {
    Method to;
    int status;
    const char* fields;
    Framing framing;
    uint64_t content_length;
    bool keep_alive;
  };
  for (const Case& each : {
           Case{Method::get, 200, "Content-Length: 5\r\n", Framing::length, 5, true},
           Case{Method::get, 200, "Content-Length: 0\r\n", Framing::length, 0, true},
           Case{Method::get, 200, "Transfer-Encoding: chunked\r\n", Framing::chunked, 0, true},
           Case{Method::get, 200, "", Framing::until_close, 0, false},
           Case{Method::get, 200, "Content-Length: 5\r\nConnection: close\r\n", Framing::length, 5, false},
           Case{Method::get, 500, "Content-Length: 5\r\n", Framing::length, 5, true},
           Case{Method::head, 200, "Content-Length: 5\r\n", Framing::none, 0, true},
           Case{Method::head, 200, "Transfer-Encoding: chunked\r\n", Framing::none, 0, true},
           Case{Method::head, 200, "", Framing::none, 0, true},
           Case{Method::get, 304, "Content-Length: 5\r\n", Framing::none, 0, true},
           Case{Method::get, 304, "", Framing::none, 0, true},
           Case{Method::get, 204, "", Framing::none, 0, true},
           Case{Method::get, 204, "Content-Length: 0\r\n", Framing::none, 0, true},
           Case{Method::get, 204, "Content-Length: 5\r\n", Framing::none, 0, false},
           Case{Method::get, 204, "Transfer-Encoding: chunked\r\n", Framing::none, 0, false},
           Case{Method::get, 100, "", Framing::none, 0, true},
           Case{Method::get, 102, "", Framing::none, 0, true},
           Case{Method::get, 103, "Content-Length: 5\r\n", Framing::none, 0, false},
           Case{Method::get, 101, "Connection: upgrade\r\nUpgrade: websocket\r\n", Framing::none, 0, true},
           Case{Method::connect, 200, "Transfer-Encoding: chunked\r\n", Framing::none, 0, true},
           Case{Method::connect, 407, "Content-Length: 5\r\n", Framing::length, 5, true},
       }) {
    ResponseHead head;
    const std::string bytes = answer(each.status, each.fields);
    const HeadParse result = parse(bytes, head, each.to);
    INFO(bytes << result.reason);
    REQUIRE(result.outcome == Outcome::complete);
    CHECK(head.framing == each.framing);
    CHECK(head.content_length == each.content_length);
    CHECK(head.keep_alive == each.keep_alive);
  }
}

TEST_CASE("an HTTP/1.0 answer persists only if it says so", "[http][h1][response]") {
  ResponseHead head;
  REQUIRE(parse("HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\n", head).outcome == Outcome::complete);
  CHECK_FALSE(head.keep_alive);
  REQUIRE(parse("HTTP/1.0 200 OK\r\nContent-Length: 1\r\nConnection: keep-alive\r\n\r\n", head).outcome ==
          Outcome::complete);
  CHECK(head.keep_alive);
  REQUIRE(parse("HTTP/1.0 200 OK\r\nConnection: keep-alive\r\n\r\n", head).outcome == Outcome::complete);
  CHECK_FALSE(head.keep_alive);
}

TEST_CASE("every prefix of a good response head needs more", "[http][h1][response]") {
  const std::string bytes = answer(200, "Content-Length: 5\r\nX-Empty:\r\n");
  ResponseHead head;
  for (size_t size = 0; size < bytes.size(); ++size) {
    CHECK(parse(std::string_view(bytes).substr(0, size), head, Method::get, size / 2).outcome ==
          Outcome::need_more);
  }
}

TEST_CASE("a response head used again keeps nothing of the message before", "[http][h1][response]") {
  ResponseHead head;
  REQUIRE(parse("HTTP/1.0 203 Fine\r\nContent-Length: 7\r\nX: y\r\n\r\n", head).outcome == Outcome::complete);
  REQUIRE(parse("HTTP/1.1 204\r\n\r\n", head).outcome == Outcome::complete);
  CHECK(head.reason.empty());
  CHECK(head.fields.size() == 0);
  CHECK(head.content_length == 0);
  CHECK(head.keep_alive);
}

}  // namespace perigee::http
