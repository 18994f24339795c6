#include <array>

#include "edge/http/h1.h"

namespace perigee::http {

TEST_CASE("a request head is written with lower-case names", "[http][h1][writer]") {
  std::string out = "before|";
  HeadWriter writer(out);
  writer.request_line("GET", "/A?B");
  writer.field("Host", "A.example");
  writer.field("X-EMPTY", "");
  writer.field("Content-Length", uint64_t{18446744073709551615u});
  writer.end();
  CHECK(out ==
        "before|GET /A?B HTTP/1.1\r\nhost: A.example\r\nx-empty: \r\ncontent-length: "
        "18446744073709551615\r\n\r\n");
}

TEST_CASE("a status line takes the registered phrase for an empty one", "[http][h1][writer]") {
  struct Case {
    int status;
    std::string_view reason, line;
  };
  for (const Case& each : {
           Case{200, "", "HTTP/1.1 200 OK\r\n"},
           Case{200, "Fine", "HTTP/1.1 200 Fine\r\n"},
           Case{404, "", "HTTP/1.1 404 Not Found\r\n"},
           Case{299, "", "HTTP/1.1 299 \r\n"},
           Case{100, "", "HTTP/1.1 100 Continue\r\n"},
           Case{999, "", "HTTP/1.1 999 \r\n"},
       }) {
    std::string out;
    HeadWriter(out).status_line(each.status, each.reason);
    CHECK(out == each.line);
  }
}

TEST_CASE("a chunk prefix is the smallest there is", "[http][h1][writer]") {
  struct Case {
    uint64_t size;
    std::string_view prefix;
  };
  for (const Case& each : {Case{0, "0\r\n"}, Case{9, "9\r\n"}, Case{10, "a\r\n"}, Case{0x10000, "10000\r\n"},
                           Case{UINT64_MAX, "ffffffffffffffff\r\n"}}) {
    std::array<char, chunk_prefix_bytes_max> buffer;
    const size_t size = write_chunk_prefix(each.size, buffer.data());
    CHECK(std::string_view(buffer.data(), size) == each.prefix);
  }
}

TEST_CASE("field lines are stepped over as they were written", "[http][h1][writer]") {
  std::string out;
  HeadWriter writer(out);
  writer.field("A", "1");
  writer.field("b", "x: y");
  writer.field("C", "");
  const std::string lines = out;
  writer.end();
  for (const std::string& text : {lines, out}) {
    FieldLines stepper(text);
    std::string_view name, value;
    REQUIRE(stepper.next(name, value));
    CHECK(name == "a");
    CHECK(value == "1");
    REQUIRE(stepper.next(name, value));
    CHECK(name == "b");
    CHECK(value == "x: y");
    REQUIRE(stepper.next(name, value));
    CHECK(name == "c");
    CHECK(value.empty());
    CHECK_FALSE(stepper.next(name, value));
  }
}

TEST_CASE("field lines stop at what no writer of ours wrote", "[http][h1][writer]") {
  for (std::string_view text : {"", "\r\n", "a: b", "a: b\r", "a\r\n", ": b\r\n", "a:b\r\n", "a:b: c\r\n",
                                "a: x\ry\r\n", "a\r\nb: c\r\n"}) {
    FieldLines stepper(text);
    std::string_view name, value;
    INFO(text);
    CHECK_FALSE(stepper.next(name, value));
  }
}

TEST_CASE("what is written parses to the same head", "[http][h1][writer]") {
  std::string out;
  HeadWriter writer(out);
  writer.request_line("PUT", "/a");
  writer.field("Host", "a.example");
  writer.field("Content-Length", uint64_t{12});
  writer.end();
  RequestHead request;
  REQUIRE(parse_request_head(out, 0, HeadLimits(), request).consumed == out.size());
  CHECK(request.method == Method::put);
  CHECK(request.content_length == 12);

  std::string answer;
  HeadWriter(answer).status_line(299, "");
  HeadWriter(answer).end();
  ResponseHead response;
  REQUIRE(parse_response_head(answer, 0, HeadLimits(), Method::get, response).consumed == answer.size());
  CHECK(response.status == 299);
}

}  // namespace perigee::http
