#include <catch2/catch_test_macros.hpp>

#include "bench/load/response_reader.h"

using perigee::load::ResponseReader;
using Event = ResponseReader::Event;

namespace {

struct Seen {
  Event last = Event::need_more;
  int status = 0;
  std::string body;
  size_t unused = 0;
};

// Reads one response that arrives in pieces of the given size.
Seen read(std::string_view bytes, size_t piece, bool head_request = false) {
  ResponseReader reader;
  reader.begin(head_request);
  Seen seen;
  while (true) {
    std::string_view input = bytes.substr(0, piece);
    bytes.remove_prefix(input.size());
    while (true) {
      const ResponseReader::Step step = reader.next(input);
      input.remove_prefix(step.used);
      seen.last = step.event;
      if (step.event == Event::head) seen.status = reader.head().status;
      seen.body += step.body;
      if (step.event == Event::need_more || step.event == Event::end || step.event == Event::malformed) break;
    }
    if (seen.last != Event::need_more || bytes.empty()) {
      seen.unused = input.size() + bytes.size();
      return seen;
    }
  }
}

}  // namespace

TEST_CASE("a response is the same however the network cuts it") {
  struct Row {
    std::string_view bytes;
    std::string_view body;
  };
  const Row rows[] = {
      {"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello", "hello"},
      {"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", ""},
      {"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nhe\r\n3;x=y\r\nllo\r\n0\r\n\r\n", "hello"},
      {"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nx: y\r\n\r\n", "hello"},
      {"HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi", "hi"},
      {"HTTP/1.1 200 \r\ncontent-length: 2\r\n\r\nhi", "hi"},
  };
  for (const Row& row : rows) {
    for (const size_t piece : {1, 2, 3, 7, 1000}) {
      CAPTURE(row.bytes, piece);
      const Seen seen = read(row.bytes, piece);
      CHECK(seen.last == Event::end);
      CHECK(seen.status == 200);
      CHECK(seen.body == row.body);
      CHECK(seen.unused == 0);
    }
  }
}

TEST_CASE("what is no response by RFC 9112 is malformed") {
  const std::string_view rows[] = {
      "HTTP/2.0 200 OK\r\n\r\n",
      "HTTP/1.1 20 OK\r\n\r\n",
      "HTTP/1.1 abc OK\r\n\r\n",
      "hello world, this is no status line\r\n\r\n",
      "HTTP/1.1 200 OK\r\ncontent-length: x\r\n\r\n",
      "HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 1\r\n\r\n",
      "HTTP/1.1 200 OK\r\ncontent-length: 1\r\ntransfer-encoding: chunked\r\n\r\n",
      "HTTP/1.1 200 OK\r\ntransfer-encoding: gzip\r\n\r\n",
      "HTTP/1.1 200 OK\r\nno colon\r\n\r\n",
      "HTTP/1.1 200 OK\r\nname : x\r\n\r\n",
      "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nxyz\r\n",
      "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nhello\r\n",
      "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\nhi\r\n",
  };
  for (const std::string_view row : rows) {
    for (const size_t piece : {1, 1000}) {
      CAPTURE(row, piece);
      CHECK(read(row, piece).last == Event::malformed);
    }
  }
}

TEST_CASE("a response that stops early is not at its end") {
  const std::string_view rows[] = {
      "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhell",
      "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n",
      "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n",
      "HTTP/1.1 200 OK\r\ncontent-le",
  };
  for (const std::string_view row : rows) {
    CAPTURE(row);
    CHECK(read(row, 1000).last == Event::need_more);
  }
}

TEST_CASE("the answers to HEAD, and 204 and 304, have no body whatever their head says") {
  CHECK(read("HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n", 1000, true).last == Event::end);
  CHECK(read("HTTP/1.1 304 Not Modified\r\ncontent-length: 5\r\n\r\n", 1000).last == Event::end);
  CHECK(read("HTTP/1.1 204 No Content\r\n\r\n", 1000).last == Event::end);
}

TEST_CASE("without other framing the end of the connection ends the body") {
  ResponseReader reader;
  reader.begin(false);
  CHECK(reader.untouched());
  CHECK(reader.next("HTTP/1.1 200 OK\r\n\r\n").event == Event::head);
  CHECK(reader.next("hello").body == "hello");
  CHECK(reader.ended_by_close());
  CHECK_FALSE(reader.untouched());
}

TEST_CASE("bytes of the next response are left alone") {
  const Seen seen = read("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhiHTTP/1.1 404", 1000);
  CHECK(seen.last == Event::end);
  CHECK(seen.unused == std::string_view("HTTP/1.1 404").size());
}
