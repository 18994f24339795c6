#include <cstring>

#include "edge/http/h1.h"
#include "tests/unit/malformed_requests.h"

namespace perigee::http {
namespace {

using test::repeat;

struct Result {
  std::string data;
  size_t consumed = 0;
  bool done = false;
  bool refused = false;

  bool operator==(const Result&) const = default;
};

void feed_all(BodyReader& reader, std::string_view bytes, Result& result) {
  // A copy of exact size lets the sanitizer see every byte read too far.
  const std::vector<char> received(bytes.begin(), bytes.end());
  std::string_view left(received.data(), received.size());
  for (;;) {
    const BodyReader::Step step = reader.feed(left);
    left.remove_prefix(step.consumed);
    result.consumed += step.consumed;
    result.data += step.data;
    result.refused = step.refused;
    if (step.refused) CHECK_FALSE(step.reason.empty());
    if (step.consumed == 0 || step.refused || reader.done()) break;
  }
  result.done = reader.done();
}

Result read_in_two(Framing framing, uint64_t length, std::string_view bytes, size_t split) {
  BodyReader reader;
  reader.start(framing, length);
  Result result;
  feed_all(reader, bytes.substr(0, split), result);
  if (!result.done && !result.refused) feed_all(reader, bytes.substr(split), result);
  return result;
}

Result read_dripped(Framing framing, uint64_t length, std::string_view bytes) {
  BodyReader reader;
  reader.start(framing, length);
  Result result;
  for (size_t i = 0; i < bytes.size() && !result.done && !result.refused; ++i)
    feed_all(reader, bytes.substr(i, 1), result);
  return result;
}

// The same result however the bytes are cut; where it is refused, at the same byte.
Result read(Framing framing, uint64_t length, std::string_view bytes) {
  const Result whole = read_in_two(framing, length, bytes, bytes.size());
  const size_t step = bytes.size() > 2000 ? 97 : 1;
  for (size_t split = 0; split < bytes.size(); split += step) {
    INFO("split at " << split);
    CHECK(read_in_two(framing, length, bytes, split) == whole);
  }
  CHECK(read_dripped(framing, length, bytes) == whole);
  return whole;
}

Result read_chunked(std::string_view bytes) { return read(Framing::chunked, 0, bytes); }

}  // namespace

TEST_CASE("a message without content is done from the start", "[http][h1][body]") {
  CHECK(BodyReader().done());
  BodyReader reader;
  reader.start(Framing::none, 0);
  CHECK(reader.done());
  reader.start(Framing::length, 0);
  CHECK(reader.done());
  CHECK(reader.feed("GET ").consumed == 0);
  CHECK(reader.end_of_stream());
}

TEST_CASE("content with a length ends at that length", "[http][h1][body]") {
  CHECK(read(Framing::length, 5, "helloGET /") == Result{"hello", 5, true, false});
  CHECK(read(Framing::length, 5, "hel") == Result{"hel", 3, false, false});
  CHECK(read(Framing::length, 5, "hello") == Result{"hello", 5, true, false});
}

TEST_CASE("content until close ends with the connection", "[http][h1][body]") {
  CHECK(read(Framing::until_close, 0, "0\r\n\r\nhello") == Result{"0\r\n\r\nhello", 10, false, false});
  BodyReader reader;
  reader.start(Framing::until_close, 0);
  CHECK_FALSE(reader.done());
  CHECK(reader.end_of_stream());
  CHECK(reader.done());
}

TEST_CASE("content with framing is cut short by the end of the connection", "[http][h1][body]") {
  const std::string_view chunked = "5;a=b\r\nhello\r\n0\r\nX: y\r\n\r\n";
  for (size_t size = 0; size <= chunked.size(); ++size) {
    BodyReader reader;
    reader.start(Framing::chunked, 0);
    Result result;
    feed_all(reader, chunked.substr(0, size), result);
    CHECK(reader.end_of_stream() == (size == chunked.size()));
    CHECK(reader.done() == (size == chunked.size()));
  }
  BodyReader reader;
  reader.start(Framing::length, 2);
  reader.feed("x");
  CHECK_FALSE(reader.end_of_stream());
  CHECK(reader.feed("x").refused);
}

TEST_CASE("chunked content is told from its framing", "[http][h1][body]") {
  struct Case {
    std::string bytes, data;
  };
  for (const Case& each : {
           Case{"0\r\n\r\n", ""},
           Case{"5\r\nhello\r\n0\r\n\r\n", "hello"},
           Case{"5\r\nhello\r\n1\r\n \r\n6\r\nworld!\r\n0\r\n\r\n", "hello world!"},
           Case{"A\r\n0123456789\r\na\r\n9876543210\r\n0\r\n\r\n", "01234567899876543210"},
           Case{"0000000000000005\r\nhello\r\n0000000000000000\r\n\r\n", "hello"},
           Case{"2\r\n\r\n\r\n0\r\n\r\n", "\r\n"},
           Case{"5;a\r\nhello\r\n0;b\r\n\r\n", "hello"},
           Case{"5;a=b;c=\"d\\\" ;\"\r\nhello\r\n0\r\n\r\n", "hello"},
           Case{"5\r\nhello\r\n0\r\nX-Sum: 1\r\nX-Empty:\r\nContent-Length: 9\r\nTransfer-Encoding: "
                "gzip\r\n\r\n",
                "hello"},
           Case{repeat("1\r\nx\r\n", 900) + "0\r\n\r\n", repeat("x", 900)},
           Case{"12c\r\n" + repeat("y", 300) + "\r\n0\r\n\r\n", repeat("y", 300)},
       }) {
    INFO(each.bytes);
    CHECK(read_chunked(each.bytes + "GET / HTTP/1.1\r\n") ==
          Result{each.data, each.bytes.size(), true, false});
  }
}

TEST_CASE("malformed chunk framing is refused, wherever it is cut", "[http][h1][body]") {
  const auto table = test::malformed_contents();
  CHECK(table.size() >= 40);
  for (const auto& each : table) {
    INFO(each.name);
    RequestHead head;
    const HeadParse parsed = parse_request_head(each.bytes, 0, HeadLimits(), head);
    REQUIRE(parsed.outcome == HeadParse::Outcome::complete);
    REQUIRE(head.framing == Framing::chunked);
    const Result result = read_chunked(std::string_view(each.bytes).substr(parsed.consumed));
    CHECK(result.refused);
    CHECK_FALSE(result.done);
  }
}

TEST_CASE("a refused reader stays refused", "[http][h1][body]") {
  BodyReader reader;
  reader.start(Framing::chunked, 0);
  CHECK(reader.feed("x").refused);
  const BodyReader::Step step = reader.feed("5\r\nhello\r\n0\r\n\r\n");
  CHECK(step.refused);
  CHECK(step.consumed == 0);
  CHECK(step.data.empty());
  CHECK_FALSE(step.reason.empty());
  CHECK_FALSE(reader.end_of_stream());
  reader.start(Framing::length, 1);
  CHECK_FALSE(reader.feed("x").refused);
  CHECK(reader.done());
}

TEST_CASE("avoidable framing is paid for with content", "[http][h1][body]") {
  const std::string chunk = "1000;" + repeat("e", 255) + "\r\n" + repeat("x", 4096) + "\r\n";
  const std::string thin = "100;" + repeat("e", 255) + "\r\n" + repeat("x", 256) + "\r\n";
  for (const bool rich : {true, false}) {
    BodyReader reader;
    reader.start(Framing::chunked, 0);
    Result result;
    for (int i = 0; i < 100 && !result.refused; ++i) feed_all(reader, rich ? chunk : thin, result);
    CHECK(result.refused == !rich);
  }
}

TEST_CASE("each step gives the run of content at the end of what it consumed", "[http][h1][body]") {
  BodyReader reader;
  reader.start(Framing::chunked, 0);
  const std::string_view bytes = "3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n";
  const BodyReader::Step first = reader.feed(bytes);
  CHECK(first.data == "abc");
  CHECK(first.data.data() == bytes.data() + 3);
  CHECK(first.consumed == 6);
  const BodyReader::Step second = reader.feed(bytes.substr(6));
  CHECK(second.data == "de");
  const BodyReader::Step third = reader.feed(bytes.substr(6 + second.consumed));
  CHECK(third.data.empty());
  CHECK(reader.done());
}

}  // namespace perigee::http
