#include "edge/http/h2_head.h"

#include <catch2/catch_test_macros.hpp>
#include <span>

using namespace perigee;
using namespace perigee::http;

namespace {

using Lines = std::vector<std::pair<std::string_view, std::string_view>>;

constexpr HeadLimits limits{.head_bytes_max = 1024, .fields_max = 10, .target_bytes_max = 128};

struct Read {
  H2HeadReader reader;
  RequestHead head;
  Refusal refusal;
  Read(const Lines& lines, bool content_follows = false) {
    reader.start();
    for (const auto& [name, value] : lines) reader.add(name, value, limits);
    refusal = reader.finish(limits, content_follows, head);
  }
};

Lines with(Lines more, std::string_view method = "GET", std::string_view path = "/a?b") {
  Lines lines = {
      {":method", method}, {":scheme", "https"}, {":path", path}, {":authority", "a.example:8443"}};
  lines.insert(lines.end(), more.begin(), more.end());
  return lines;
}

struct RefusalCase {
  Lines lines;
  int status;
  std::string_view reason;
  bool content = false;
};

void check_refusals(std::span<const RefusalCase> cases) {
  for (const RefusalCase& each : cases) {
    const Read read(each.lines, each.content);
    INFO(each.reason << " / " << read.refusal.reason);
    CHECK(read.refusal.status == each.status);
    CHECK(
        (read.refusal.reason == each.reason || each.reason.find("Content-Length") != std::string_view::npos));
  }
}

}  // namespace

TEST_CASE("a head of HTTP/2 reads like one of HTTP/1.1", "[h2]") {
  const Read read(with({{"accept", "*/*"}, {"if-none-match", "\"x\""}, {"x-empty", ""}}));
  REQUIRE(!read.refusal);
  const RequestHead& head = read.head;
  CHECK(head.method == Method::get);
  CHECK(head.method_text == "GET");
  CHECK(head.form == TargetForm::origin);
  CHECK(head.path == "/a?b");
  CHECK(head.authority == "a.example:8443");
  CHECK(head.scheme == "https");
  CHECK(head.version_minor == 1);
  CHECK(head.framing == Framing::none);
  CHECK(head.fields.value(FieldId::host) == "a.example:8443");
  CHECK(head.fields.value(FieldId::if_none_match) == "\"x\"");
  CHECK(head.fields.size() == 4);
}

TEST_CASE("content of HTTP/2 is framed by its length or by its end", "[h2]") {
  const Read none(with({}, "POST"), false);
  CHECK(none.head.framing == Framing::none);
  const Read length(with({{"content-length", "5"}}, "POST"), true);
  CHECK(length.head.framing == Framing::length);
  CHECK(length.head.content_length == 5);
  const Read open(with({{"expect", "100-continue"}}, "POST"), true);
  CHECK(open.head.framing == Framing::chunked);
  CHECK(open.head.expect_continue);
  const Read zero(with({{"content-length", "0"}}, "POST"), false);
  REQUIRE(!zero.refusal);
  CHECK(zero.head.framing == Framing::none);
}

TEST_CASE("pieces of a cookie are put together", "[h2]") {
  const Read read(with({{"cookie", "a=1"}, {"accept", "x"}, {"cookie", "b=2"}, {"cookie", "c=3"}}));
  REQUIRE(!read.refusal);
  CHECK(read.head.fields.count(FieldId::cookie) == 1);
  CHECK(read.head.fields.value(FieldId::cookie) == "a=1; b=2; c=3");
  CHECK(read.head.fields.find("accept")->value == "x");
}

TEST_CASE("pieces of a cookie lie anywhere among the fields", "[h2]") {
  for (const Lines& lines : {Lines{{"cookie", "a=1"}, {"cookie", "b=2"}, {"x", "1"}, {"y", "2"}},
                             Lines{{"x", "1"}, {"cookie", "a=1"}, {"y", "2"}, {"cookie", "b=2"}},
                             Lines{{"x", "1"}, {"y", "2"}, {"cookie", "a=1"}, {"cookie", "b=2"}}}) {
    const Read read(with(lines));
    REQUIRE(!read.refusal);
    REQUIRE(read.head.fields.size() == 4);  // and host
    CHECK(read.head.fields.value(FieldId::cookie) == "a=1; b=2");
    CHECK(read.head.fields.find("x")->value == "1");
    CHECK(read.head.fields.find("y")->value == "2");
  }
  // More than the copies had room for.
  const std::string one(120, 'v');
  Lines many;
  for (int i = 0; i < 7; ++i) many.emplace_back("cookie", one);
  const Read read(with(many));
  REQUIRE(!read.refusal);
  CHECK(read.head.fields.value(FieldId::cookie).size() == 7 * 120 + 6 * 2);
}

TEST_CASE("tabs and bytes above ASCII are content of a value, OPTIONS asks for everything", "[h2]") {
  const Read read(with({{"a", "x\ty"}, {"b", "\xc3\xa9"}}));
  REQUIRE(!read.refusal);
  CHECK(read.head.fields.find("a")->value == "x\ty");
  CHECK(read.head.fields.find("b")->value == "\xc3\xa9");
  const Read options(with({}, "OPTIONS", "*"));
  REQUIRE(!options.refusal);
  CHECK(options.head.form == TargetForm::asterisk);
  CHECK(options.head.path == "*");
}

TEST_CASE("Host serves where there is no authority, and must agree where there is", "[h2]") {
  const Lines without = {{":method", "GET"}, {":scheme", "https"}, {":path", "/"}, {"host", "a.example"}};
  const Read host(without);
  REQUIRE(!host.refusal);
  CHECK(host.head.authority == "a.example");
  CHECK(Read(with({{"host", "A.example:8443"}})).refusal.status == 0);
  CHECK(Read(with({{"host", "b.example"}})).refusal.status == 400);
}

TEST_CASE("what HTTP/2 calls malformed is refused", "[h2]") {
  const RefusalCase cases[] = {
      {{{":scheme", "https"}, {":path", "/"}, {":authority", "a"}}, 400, "missing pseudo-header field"},
      {{{":method", "GET"}, {":path", "/"}, {":authority", "a"}}, 400, "missing pseudo-header field"},
      {{{":method", "GET"}, {":scheme", "https"}, {":authority", "a"}}, 400, "missing pseudo-header field"},
      {{{":method", "GET"}, {":scheme", "https"}, {":path", "/"}}, 400, "missing authority"},
      {with({{":method", "GET"}}), 400, "repeated pseudo-header field"},
      {with({{":status", "200"}}), 400, "unknown pseudo-header field"},
      {with({{"a", "b"}, {":path", "/"}}), 400, "pseudo-header field behind a field"},
      {with({{"Accept", "x"}}), 400, "field name with upper case"},
      {with({{"a b", "x"}}), 400, "malformed field name"},
      {with({{"a:", "x"}}), 400, "malformed field name"},
      {with({{"", "x"}}), 400, "malformed field name"},
      {with({{"a\r\nb", "x"}}), 400, "malformed field name"},
      {with({{"a", "x\r\nb: y"}}), 400, "control character in a field value"},
      {with({{"a", "x\ny"}}), 400, "control character in a field value"},
      {with({{"a", std::string_view("x\0y", 3)}}), 400, "control character in a field value"},
      {with({{"a", "a value of more than sixteen\x7f"}}), 400, "control character in a field value"},
      {with({{"a", "tab\t then more than sixteen\x01 bytes"}}), 400, "control character in a field value"},
      {with({{"a", " x"}}), 400, "white space around a field value"},
      {with({{"a", "x\t"}}), 400, "white space around a field value"},
      {with({{"connection", "close"}}), 400, "field of the connection"},
      {with({{"keep-alive", "1"}}), 400, "field of the connection"},
      {with({{"proxy-connection", "close"}}), 400, "field of the connection"},
      {with({{"transfer-encoding", "chunked"}}), 400, "field of the connection", true},
      {with({{"upgrade", "h2c"}}), 400, "field of the connection"},
      {with({{"te", "gzip"}}), 400, "TE other than trailers"},
  };
  check_refusals(cases);
}

TEST_CASE("what HTTP/1.1 would refuse is refused in HTTP/2", "[h2]") {
  const std::string long_value(1000, 'v');
  const RefusalCase cases[] = {
      {with({{"content-length", "5"}}), 400, "content-length without content"},
      {with({{"content-length", "5"}, {"content-length", "5"}}, "POST"), 400, "repeated Content-Length",
       true},
      {with({{"content-length", "+5"}}, "POST"), 400, "malformed Content-Length", true},
      {with({{"expect", "tea"}}, "POST"), 417, "unknown expectation", true},
      {with({{"a", long_value}}), 431, "head too long"},
      {with({}, "GET", "a"), 400, "malformed target"},
      {with({}, "GET", ""), 400, "malformed target"},
      {with({}, "GET", "*"), 400, "asterisk-form without OPTIONS"},
      {with({}, "GET", "/a b"), 400, "malformed target"},
      {with({}, "GET", "/a#b"), 400, "forbidden character in the target"},
      {with({}, "GET", "http://b/"), 400, "malformed target"},
      {with({}, "GE T"), 400, "malformed method"},
      {with({}, "A-METHOD-OF-MORE-THAN-32-CHARACTERS"), 501, "method too long"},
      {with({}, "get"), 501, "method in the wrong case"},
      {with({}, ""), 400, "malformed method"},
      {with({}, "CONNECT", "a:1"), 501, "CONNECT is not supported"},
      {{{":method", "CONNECT"}, {":authority", "a:1"}}, 501, "CONNECT is not supported"},
      {{{":method", "GET"}, {":scheme", "ftp"}, {":path", "/"}, {":authority", "a"}},
       421,
       "target of a foreign scheme"},
      {{{":method", "GET"}, {":scheme", "https"}, {":path", "/"}, {":authority", "u@a"}},
       400,
       "malformed authority"},
      {with({{"a", "1"},
             {"b", "1"},
             {"c", "1"},
             {"d", "1"},
             {"e", "1"},
             {"f", "1"},
             {"g", "1"},
             {"h", "1"},
             {"i", "1"},
             {"j", "1"},
             {"k", "1"}}),
       431, "too many fields"},
  };
  check_refusals(cases);
}

TEST_CASE("a long target is told from a long head", "[h2]") {
  const std::string path = "/" + std::string(200, 'p');
  CHECK(Read(with({}, "GET", path)).refusal.status == 414);
}

TEST_CASE("trailers may not hold pseudo-header fields, nor what fields may not hold", "[h2]") {
  H2HeadReader reader;
  reader.start();
  reader.add("x-checksum", "1", limits);
  CHECK(!reader.finish_trailers());
  reader.start();
  reader.add(":path", "/", limits);
  CHECK(reader.finish_trailers().status == 400);
  reader.start();
  reader.add("a", "b\nc", limits);
  CHECK(reader.finish_trailers().status == 400);
}
