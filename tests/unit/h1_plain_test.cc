#include "edge/http/h1_plain.h"

#include <catch2/catch_test_macros.hpp>
#include <string>
#include <vector>

#include "tests/unit/malformed_requests.h"

using namespace perigee::http;
using Outcome = HeadParse::Outcome;

namespace {

constexpr HeadLimits limits{.head_bytes_max = 400, .fields_max = 8, .target_bytes_max = 60};

// As browsers, tools and proxies send them; each is plain.
const std::vector<std::string>& plain_heads() {
  static const std::vector<std::string> heads = {
      "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
      "HEAD /x?y=1&z HTTP/1.1\r\nhost:a.example:8080\r\n\r\n",
      "GET /a/b.css HTTP/1.1\r\nHost: www.example.org\r\nConnection: keep-alive\r\nUser-Agent: x/1 (y; z)\r\n"
      "Accept-Encoding: gzip, br\r\nCookie: a=b; c=d\r\n\r\n",
      "GET /1 HTTP/1.1\r\nX-Empty:\r\nX-Tabs:\ta\tb \r\nHost: [::1]:80\r\nX-High: \xc3\xa9\r\n\r\n",
      "GET /r HTTP/1.1\r\nhost: a\r\nrange: bytes=0-1\r\nif-none-match: \"1\"\r\ncache-control: "
      "no-cache\r\n\r\n",
  };
  return heads;
}

bool same_fields(const FieldList& a, const FieldList& b) {
  if (a.size() != b.size()) return false;
  for (size_t i = 0; i < a.size(); ++i) {
    if (a[i].name != b[i].name || a[i].value != b[i].value || a[i].id != b[i].id) return false;
  }
  return true;
}

// Whether the short way takes the bytes; if so, the long one must too, and find the same.
bool taken(std::string_view bytes) {
  RequestHead plain;
  const std::vector<char> exact(bytes.begin(), bytes.end());  // the sanitizer sees a byte read too far
  const size_t size = parse_plain_request_head({exact.data(), exact.size()}, limits, plain);
  if (size == 0) return false;
  RequestHead full;
  const HeadParse parse = parse_request_head_in_full(bytes, 0, limits, full);
  INFO(bytes);
  CHECK(parse.outcome == Outcome::complete);
  CHECK(parse.consumed == size);
  CHECK(plain.method == full.method);
  CHECK(plain.method_text == full.method_text);
  CHECK(plain.form == full.form);
  CHECK(plain.scheme == full.scheme);
  CHECK(plain.authority == full.authority);
  CHECK(plain.path == full.path);
  CHECK(plain.version_minor == full.version_minor);
  CHECK(same_fields(plain.fields, full.fields));
  CHECK(plain.framing == full.framing);
  CHECK(plain.content_length == full.content_length);
  CHECK(plain.keep_alive == full.keep_alive);
  CHECK(plain.expect_continue == full.expect_continue);
  CHECK(plain.upgrade == full.upgrade);
  return true;
}

}  // namespace

TEST_CASE("plain heads take the short way, with whatever follows them", "[http][h1][request]") {
  for (const std::string& head : plain_heads()) {
    CHECK(taken(head));
    CHECK(taken(head + head));
    CHECK(taken(head + std::string("\0\r\n \x80", 5)));
  }
}

TEST_CASE("a head that frames content or changes the connection takes the long way", "[http][h1][request]") {
  for (const char* field : {"Content-Length: 0", "Transfer-Encoding: chunked", "Connection: close",
                            "Connection: upgrade", "Connection: keep-alive, x", "Upgrade: h2c",
                            "Expect: 100-continue", "Proxy-Connection: close", "Host: a"}) {
    INFO(field);
    CHECK_FALSE(taken("GET / HTTP/1.1\r\nHost: a\r\n" + std::string(field) + "\r\n\r\n"));
  }
  for (const char* line : {"POST / HTTP/1.1", "GET / HTTP/1.0", "GET http://a/ HTTP/1.1", "GET * HTTP/1.1",
                           "GET  / HTTP/1.1", "GET /# HTTP/1.1", "get / HTTP/1.1", "GETS / HTTP/1.1"}) {
    INFO(line);
    CHECK_FALSE(taken(std::string(line) + "\r\nHost: a\r\n\r\n"));
  }
  CHECK_FALSE(taken("GET / HTTP/1.1\r\nX: a\r\n\r\n"));
}

TEST_CASE("no malformed request takes the short way", "[http][h1][request]") {
  for (const auto& each : test::malformed_requests()) {
    INFO(each.name);
    CHECK_FALSE(taken(each.bytes));
  }
}

TEST_CASE("what is not complete or beyond a limit takes the long way", "[http][h1][request]") {
  for (const std::string& head : plain_heads()) {
    for (size_t size = 0; size < head.size(); ++size) CHECK_FALSE(taken(head.substr(0, size)));
  }
  const std::string rest = " HTTP/1.1\r\nHost: a\r\n";
  CHECK(taken("GET /" + std::string(59, 'a') + rest + "\r\n"));
  CHECK_FALSE(taken("GET /" + std::string(60, 'a') + rest + "\r\n"));
  CHECK(taken("GET /" + rest + test::repeat("X: y\r\n", 7) + "\r\n"));
  CHECK_FALSE(taken("GET /" + rest + test::repeat("X: y\r\n", 8) + "\r\n"));
  const size_t room = 400 - ("GET /" + rest + "X:\r\n\r\n").size();
  CHECK(taken("GET /" + rest + "X:" + std::string(room, 'y') + "\r\n\r\n"));
  CHECK_FALSE(taken("GET /" + rest + "X:" + std::string(room + 1, 'y') + "\r\n\r\n"));
}

TEST_CASE("with any byte of a plain head changed, left out or doubled, both ways agree",
          "[http][h1][request]") {
  size_t still_plain = 0;
  for (const std::string& head : plain_heads()) {
    for (size_t at = 0; at < head.size(); ++at) {
      for (int byte = 0; byte < 256; ++byte) {
        std::string changed = head;
        changed[at] = static_cast<char>(byte);
        still_plain += taken(changed) ? 1 : 0;
      }
      std::string shorter = head;
      still_plain += taken(shorter.erase(at, 1)) ? 1 : 0;
      std::string longer = head;
      still_plain += taken(longer.insert(at, 1, head[at])) ? 1 : 0;
    }
  }
  CHECK(still_plain > 10'000);
}
