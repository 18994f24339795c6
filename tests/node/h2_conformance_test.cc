// RFC 9113, section by section: what a client may not do, and what it gets for it.
#include <fmt/format.h>

#include <catch2/catch_test_macros.hpp>

#include "tests/node/serve_rig.h"
#include "tests/node/support/h2_frames.h"

namespace perigee::test {
namespace {

// Frames that only clients which go wrong send.
constexpr auto push_promise = static_cast<FrameType>(5);
constexpr auto unknown_type = static_cast<FrameType>(0xbe);
constexpr uint8_t priority = 0x20;
constexpr uint32_t frame_bytes_max = 16384;

// Error codes of RFC 9113 7.
std::string_view code_name(uint32_t code) {
  constexpr std::string_view names[] = {"NO_ERROR",           "PROTOCOL_ERROR",   "INTERNAL_ERROR",
                                        "FLOW_CONTROL_ERROR", "SETTINGS_TIMEOUT", "STREAM_CLOSED",
                                        "FRAME_SIZE_ERROR",   "REFUSED_STREAM",   "CANCEL",
                                        "COMPRESSION_ERROR",  "CONNECT_ERROR",    "ENHANCE_YOUR_CALM",
                                        "INADEQUATE",         "HTTP_1_1_REQUIRED"};
  return code < std::size(names) ? names[code] : "unknown";
}

// "connection PROTOCOL_ERROR" for a GOAWAY and the end, "stream PROTOCOL_ERROR" for a reset stream of a
// connection that goes on, "closed" for an end without a word, else "fine".
std::string outcome(const RawClient& client) {
  std::string reset;
  for (const SeenFrame& seen : frames_of(client.received)) {
    if (seen.type == FrameType::goaway && seen.error() != 0)
      return client.closed() ? fmt::format("connection {}", code_name(seen.error())) : "goaway, and open";
    if (seen.type == FrameType::rst_stream && seen.error() != 0 && reset.empty())
      reset = fmt::format("stream {}", code_name(seen.error()));
  }
  if (client.closed()) return "closed";
  return reset.empty() ? "fine" : reset;
}

size_t answers(const RawClient& client) {
  size_t count = 0;
  for (const SeenFrame& seen : frames_of(client.received)) count += seen.type == FrameType::headers ? 1 : 0;
  return count;
}

// A request whose content is still to come, to a handler that reads it and does not answer.
std::string open_stream(uint32_t id = 1) { return headers(id, post_lines("/keep"), end_headers); }

std::string setting(uint16_t id, uint32_t value) { return be(id, 2) + be(value, 4); }
std::string settings(uint16_t id, uint32_t value) {
  return frame(FrameType::settings, 0, 0, setting(id, value));
}
std::string window(uint32_t stream, uint32_t increment) {
  return frame(FrameType::window_update, 0, stream, be(increment, 4));
}
std::string reset(uint32_t stream) { return frame(FrameType::rst_stream, 0, stream, be(8, 4)); }

struct Case {
  std::string name;
  std::string bytes;     // behind the preface and empty settings
  std::string expected;  // outcome(); alternatives that the RFC permits separated by "|"
};

void check(const std::vector<Case>& cases) {
  for (const Case& each : cases) {
    INFO(each.name);
    serve::ServerOptions options;
    options.http2_clear = true;
    ServeRig rig(1, options);
    rig.scripts["/keep"] = [&](serve::ServerExchange& exchange) {
      rig.keep(exchange);
      exchange.read_request_body();
    };
    RawClient& client = rig.ask(h2_hello() + each.bytes);
    const std::string got = outcome(client);
    INFO("got " << got << ", expected " << each.expected);
    CHECK(("|" + each.expected + "|").find("|" + got + "|") != std::string::npos);
    // Whatever happened to this one, others are served.
    RawClient& other = rig.ask(h2_hello() + get_frame(1));
    CHECK(answers(other) == 1);
  }
}

TEST_CASE("RFC 9113 3.4: a connection begins with the preface and settings", "[node][h2]") {
  serve::ServerOptions options;
  options.http2_clear = true;
  ServeRig rig(1, options);
  RawClient& unsettled = rig.ask(std::string(h2_preface) + get_frame(1));
  CHECK(outcome(unsettled) == "connection PROTOCOL_ERROR");
  RawClient& settled = rig.ask(h2_hello() + get_frame(1));
  const auto frames = frames_of(settled.received);
  REQUIRE(!frames.empty());
  CHECK(frames.front().type == FrameType::settings);
  CHECK(frames.front().flags == 0);
  // 6.5.3: ours are acknowledged by nobody yet, the client's are.
  size_t acks = 0;
  for (const SeenFrame& seen : frames) acks += seen.type == FrameType::settings && seen.flags == ack ? 1 : 0;
  CHECK(acks == 1);
}

TEST_CASE("RFC 9113 4: frames, their size, and blocks of fields", "[node][h2]") {
  check({
      {"4.1 unknown type", frame(unknown_type, 0, 0, "12345678") + get_frame(1), "fine"},
      {"4.1 unknown type on an idle stream", frame(unknown_type, 0, 7, "x") + get_frame(9), "fine"},
      {"4.1 undefined flags", frame(FrameType::ping, 0x16, 0, "12345678"), "fine"},
      {"4.1 reserved bit", frame(FrameType::ping, 0, 0x80000000, "12345678"), "fine"},
      {"4.2 data of the largest size",
       open_stream() + frame(FrameType::data, 0, 1, std::string(frame_bytes_max, 'x')), "fine"},
      {"4.2 data beyond it",
       open_stream() + frame(FrameType::data, 0, 1, std::string(frame_bytes_max + 1, 'x')),
       "connection FRAME_SIZE_ERROR|stream FRAME_SIZE_ERROR"},
      {"4.2 headers beyond it",
       frame(FrameType::headers, end_headers | end_stream, 1,
             block(get_lines("/")) + literal("x", std::string(frame_bytes_max, 'x'))),
       "connection FRAME_SIZE_ERROR"},
      {"4.3 block that cannot be unpacked",
       frame(FrameType::headers, end_headers | end_stream, 1, "\xff\xff\xff\xff\xff"),
       "connection COMPRESSION_ERROR"},
      {"4.3 priority within a block",
       headers(1, get_lines("/"), end_stream) + frame(FrameType::priority, 0, 1, be(0, 4) + "\x10"),
       "connection PROTOCOL_ERROR"},
      {"4.3 another stream within a block", headers(1, get_lines("/"), end_stream) + get_frame(3),
       "connection PROTOCOL_ERROR"},
      {"5.5 unknown type within a block",
       headers(1, get_lines("/"), end_stream) + frame(unknown_type, 0, 0, "x"), "connection PROTOCOL_ERROR"},
  });
}

TEST_CASE("RFC 9113 5.1: states of streams", "[node][h2]") {
  const std::string closed_by_client = open_stream() + reset(1);
  check({
      {"idle: data", frame(FrameType::data, end_stream, 1, "x"),
       "connection PROTOCOL_ERROR|connection STREAM_CLOSED"},
      {"idle: reset", reset(1), "connection PROTOCOL_ERROR"},
      {"idle: window", window(1, 100), "connection PROTOCOL_ERROR"},
      {"idle: continuation", frame(FrameType::continuation, end_headers, 1, block(get_lines("/"))),
       "connection PROTOCOL_ERROR"},
      {"half-closed: data", headers(1, post_lines("/keep")) + frame(FrameType::data, end_stream, 1, "x"),
       "stream STREAM_CLOSED|connection STREAM_CLOSED"},
      {"half-closed: headers", headers(1, post_lines("/keep")) + headers(1, post_lines("/keep")),
       "stream STREAM_CLOSED|connection STREAM_CLOSED"},
      {"half-closed: continuation",
       headers(1, post_lines("/keep")) + frame(FrameType::continuation, end_headers, 1, "x"),
       "stream STREAM_CLOSED|connection STREAM_CLOSED|connection PROTOCOL_ERROR"},
      {"half-closed: window, priority and reset are well",
       headers(1, post_lines("/keep")) + window(1, 1000) +
           frame(FrameType::priority, 0, 1, be(0, 4) + "\x10") + reset(1) + get_frame(3),
       "fine"},
      {"closed: data", closed_by_client + frame(FrameType::data, end_stream, 1, "x"),
       "stream STREAM_CLOSED|connection STREAM_CLOSED"},
      {"closed: headers", closed_by_client + headers(1, post_lines("/keep")),
       "stream STREAM_CLOSED|connection STREAM_CLOSED|connection PROTOCOL_ERROR"},
      {"closed by both: data", get_frame(1) + frame(FrameType::data, end_stream, 1, "x"),
       "stream STREAM_CLOSED|connection STREAM_CLOSED"},
      {"closed by both: headers", get_frame(1) + get_frame(1),
       "connection STREAM_CLOSED|connection PROTOCOL_ERROR"},
      {"closed: continuation", closed_by_client + frame(FrameType::continuation, end_headers, 1, "x"),
       "stream STREAM_CLOSED|connection STREAM_CLOSED|connection PROTOCOL_ERROR"},
      {"closed: window and priority are well",
       closed_by_client + window(1, 1000) + frame(FrameType::priority, 0, 1, be(0, 4) + "\x10") +
           get_frame(3),
       "fine"},
      {"5.1.1 an even number", get_frame(2), "connection PROTOCOL_ERROR"},
      {"5.1.1 a number that goes back", get_frame(5) + get_frame(3),
       "connection PROTOCOL_ERROR|connection STREAM_CLOSED"},
      {"5.1.1 numbers may be left out", get_frame(5) + get_frame(25), "fine"},
  });
}

TEST_CASE("RFC 9113 6.1 to 6.4: data, headers, priority, resets", "[node][h2]") {
  const std::string pad = std::string(1, '\x10');
  check({
      {"6.1 data of the connection", open_stream() + frame(FrameType::data, 0, 0, "x"),
       "connection PROTOCOL_ERROR"},
      {"6.1 padding that fits",
       open_stream() + frame(FrameType::data, padded, 1, "\x02xyz" + std::string(2, '\0')), "fine"},
      {"6.1 padding beyond the frame", open_stream() + frame(FrameType::data, padded, 1, pad + "xyz"),
       "connection PROTOCOL_ERROR"},
      {"6.2 headers of the connection", headers(0, get_lines("/")), "connection PROTOCOL_ERROR"},
      {"6.2 padding that fits",
       frame(FrameType::headers, end_headers | end_stream | padded, 1,
             "\x02" + block(get_lines("/")) + std::string(2, '\0')),
       "fine"},
      {"6.2 padding beyond the frame",
       frame(FrameType::headers, end_headers | end_stream | padded, 1, "\xff" + block(get_lines("/"))),
       "connection PROTOCOL_ERROR"},
      {"6.2 with a priority",
       frame(FrameType::headers, end_headers | end_stream | priority, 1,
             be(0, 4) + "\x10" + block(get_lines("/"))),
       "fine"},
      {"6.2 too short for its priority",
       frame(FrameType::headers, end_headers | end_stream | priority, 1, "abc"),
       "connection FRAME_SIZE_ERROR|connection PROTOCOL_ERROR"},
      {"6.3 priority of the connection", frame(FrameType::priority, 0, 0, be(0, 4) + "\x10"),
       "connection PROTOCOL_ERROR"},
      {"6.3 priority of another size", open_stream() + frame(FrameType::priority, 0, 1, "1234"),
       "stream FRAME_SIZE_ERROR|connection FRAME_SIZE_ERROR"},
      {"6.3 priority of an idle stream is well",
       frame(FrameType::priority, 0, 9, be(0, 4) + "\x10") + get_frame(1), "fine"},
      {"6.4 reset of the connection", reset(0), "connection PROTOCOL_ERROR"},
      {"6.4 reset of another size", open_stream() + frame(FrameType::rst_stream, 0, 1, "123"),
       "connection FRAME_SIZE_ERROR"},
      {"6.4 an unknown reason is well",
       open_stream() + frame(FrameType::rst_stream, 0, 1, be(0xff, 4)) + get_frame(3), "fine"},
  });
}

TEST_CASE("RFC 9113 6.5 to 6.8: settings, promises, pings, farewells", "[node][h2]") {
  check({
      {"6.5 acknowledgement with content", frame(FrameType::settings, ack, 0, setting(1, 0)),
       "connection FRAME_SIZE_ERROR"},
      {"6.5 settings of a stream", frame(FrameType::settings, 0, 1, setting(1, 0)),
       "connection PROTOCOL_ERROR"},
      {"6.5 of another size", frame(FrameType::settings, 0, 0, "12345"), "connection FRAME_SIZE_ERROR"},
      {"6.5.2 ENABLE_PUSH of 2", settings(2, 2), "connection PROTOCOL_ERROR"},
      {"6.5.2 a window of 2^31", settings(4, 0x80000000u), "connection FLOW_CONTROL_ERROR"},
      {"6.5.2 frames too small", settings(5, frame_bytes_max - 1), "connection PROTOCOL_ERROR"},
      {"6.5.2 frames too large", settings(5, 1u << 24), "connection PROTOCOL_ERROR"},
      {"6.5.2 frames of the largest size", settings(5, (1u << 24) - 1) + get_frame(1), "fine"},
      {"6.5.2 an unknown one", settings(0xff, 1) + get_frame(1), "fine"},
      {"6.5.2 the same one twice",
       frame(FrameType::settings, 0, 0, setting(4, 100) + setting(4, 65535)) + get_frame(1), "fine"},
      {"6.5.3 a table of nothing", settings(1, 0) + get_frame(1), "fine"},
      {"6.6 a promise", open_stream() + frame(push_promise, end_headers, 1, be(2, 4) + block(get_lines("/"))),
       "connection PROTOCOL_ERROR"},
      {"6.7 ping of a stream", frame(FrameType::ping, 0, 1, "12345678"), "connection PROTOCOL_ERROR"},
      {"6.7 ping of another size", frame(FrameType::ping, 0, 0, "1234567"), "connection FRAME_SIZE_ERROR"},
      {"6.7 an answer that nobody asked for", frame(FrameType::ping, ack, 0, "12345678") + get_frame(1),
       "fine"},
      {"6.8 farewell of a stream", frame(FrameType::goaway, 0, 1, be(0, 4) + be(0, 4)),
       "connection PROTOCOL_ERROR"},
      {"6.8 farewell of another size", frame(FrameType::goaway, 0, 0, "1234"), "connection FRAME_SIZE_ERROR"},
  });
}

TEST_CASE("RFC 9113 6.9 and 6.10: windows and continuations", "[node][h2]") {
  check({
      {"6.9 the connection's window by nothing", window(0, 0), "connection PROTOCOL_ERROR"},
      {"6.9 a stream's window by nothing", open_stream() + window(1, 0),
       "stream PROTOCOL_ERROR|connection PROTOCOL_ERROR"},
      {"6.9 of another size", frame(FrameType::window_update, 0, 0, "123"), "connection FRAME_SIZE_ERROR"},
      {"6.9.1 the connection's beyond 2^31-1", window(0, 0x7fffffff), "connection FLOW_CONTROL_ERROR"},
      {"6.9.1 a stream's beyond 2^31-1", open_stream() + window(1, 0x7fffffff),
       "stream FLOW_CONTROL_ERROR|connection FLOW_CONTROL_ERROR"},
      {"6.9.1 the reserved bit", window(0, 0x80000001) + get_frame(1), "fine"},
      {"6.9.2 settings that push a stream's beyond it",
       open_stream() + window(1, 0x7fffffff - 65535) + settings(4, 0x7fffffff),
       "connection FLOW_CONTROL_ERROR|stream FLOW_CONTROL_ERROR"},
      {"6.9.1 more than the window allows",
       [] {
         std::string bytes = open_stream();
         // The stream is read as fast as it comes; the connection's window is 1 MiB.
         const std::string full = frame(FrameType::data, 0, 1, std::string(frame_bytes_max, 'x'));
         for (int i = 0; i < 80; ++i) bytes += full;
         return bytes;
       }(),
       "connection FLOW_CONTROL_ERROR|stream FLOW_CONTROL_ERROR|fine"},
      {"6.10 continuations",
       frame(FrameType::headers, end_stream, 1, block(get_lines("/"))) +
           frame(FrameType::continuation, 0, 1, literal("a", "b")) +
           frame(FrameType::continuation, end_headers, 1, literal("c", "d")),
       "fine"},
      {"6.10 of the connection",
       frame(FrameType::headers, end_stream, 1, block(get_lines("/"))) +
           frame(FrameType::continuation, end_headers, 0, literal("a", "b")),
       "connection PROTOCOL_ERROR"},
      {"6.10 of another stream",
       frame(FrameType::headers, end_stream, 1, block(get_lines("/"))) +
           frame(FrameType::continuation, end_headers, 3, literal("a", "b")),
       "connection PROTOCOL_ERROR"},
      {"6.10 behind a block that has ended",
       open_stream() + frame(FrameType::continuation, end_headers, 1, literal("a", "b")),
       "connection PROTOCOL_ERROR"},
      {"6.10 behind data",
       open_stream() + frame(FrameType::data, 0, 1, "x") + frame(FrameType::continuation, end_headers, 1, ""),
       "connection PROTOCOL_ERROR"},
  });
}

// A GET with further lines, or without one of its own.
std::string get_with(const FieldLines& more) {
  FieldLines lines = get_lines("/");
  lines.insert(lines.end(), more.begin(), more.end());
  return headers(1, lines);
}
std::string get_without(std::string_view name) {
  FieldLines lines;
  for (auto& line : get_lines("/")) {
    if (line.first != name) lines.push_back(line);
  }
  return headers(1, lines);
}

constexpr const char* malformed = "stream PROTOCOL_ERROR";

TEST_CASE("RFC 9113 8.1 and 8.2: messages and fields", "[node][h2]") {
  const auto post_with = [](std::string length) {
    FieldLines lines = post_lines("/keep");
    lines.emplace_back("content-length", std::move(length));
    return headers(1, lines, end_headers);
  };
  check({
      {"8.1 a second block that does not end the stream",
       open_stream() + headers(1, {{"x", "y"}}, end_headers), malformed},
      {"8.1 pseudo-fields in trailers", open_stream() + headers(1, {{":method", "GET"}}), malformed},
      {"8.1.1 shorter than its content-length", post_with("2") + frame(FrameType::data, end_stream, 1, "x"),
       malformed},
      {"8.1.1 longer",
       post_with("1") + frame(FrameType::data, 0, 1, "x") + frame(FrameType::data, end_stream, 1, "y"),
       malformed},
      {"8.1.1 two lengths", get_with({{"content-length", "0"}, {"content-length", "1"}}), malformed},
      {"8.1.1 not a number", post_with("+1") + frame(FrameType::data, end_stream, 1, "x"), malformed},
      {"8.2.1 upper case", get_with({{"X-Test", "ok"}}), malformed},
      {"8.2.1 a colon within a name", get_with({{"a:b", "ok"}}), malformed},
      {"8.2.1 an empty name", get_with({{"", "ok"}}), malformed},
      {"8.2.1 line ends in a value", get_with({{"a", "b\r\nc: d"}}), malformed},
      {"8.2.1 white space around a value", get_with({{"a", " b"}}), malformed},
      {"8.2.2 connection", get_with({{"connection", "keep-alive"}}), malformed},
      {"8.2.2 proxy-connection", get_with({{"proxy-connection", "keep-alive"}}), malformed},
      {"8.2.2 keep-alive", get_with({{"keep-alive", "1"}}), malformed},
      {"8.2.2 transfer-encoding", get_with({{"transfer-encoding", "chunked"}}), malformed},
      {"8.2.2 upgrade", get_with({{"upgrade", "h2c"}}), malformed},
      {"8.2.2 TE", get_with({{"te", "trailers, deflate"}}), malformed},
      {"8.2.2 TE that is permitted", get_with({{"te", "trailers"}}), "fine"},
  });
}

TEST_CASE("RFC 9113 8.3 and 8.5: what a request must have", "[node][h2]") {
  check({
      {"8.3 unknown pseudo-field",
       get_with({}) + headers(3, {{":method", "GET"},
                                  {":scheme", "http"},
                                  {":path", "/"},
                                  {":authority", "a"},
                                  {":test", "x"}}),
       malformed},
      {"8.3 one of responses",
       headers(1, {{":status", "200"}, {":method", "GET"}, {":scheme", "http"}, {":path", "/"}}), malformed},
      {"8.3 behind a field",
       headers(1, {{":method", "GET"}, {":scheme", "http"}, {"x", "y"}, {":path", "/"}, {":authority", "a"}}),
       malformed},
      {"8.3 twice", get_with({{":method", "GET"}}), malformed},
      {"8.3.1 no method", get_without(":method"), malformed},
      {"8.3.1 no scheme", get_without(":scheme"), malformed},
      {"8.3.1 an empty scheme",
       headers(1, {{":method", "GET"}, {":scheme", ""}, {":path", "/"}, {":authority", "a"}}), malformed},
      {"8.3.1 no path", get_without(":path"), malformed},
      {"8.3.1 an empty path",
       headers(1, {{":method", "GET"}, {":scheme", "http"}, {":path", ""}, {":authority", "a"}}), malformed},
      {"8.3.1 a path of another form",
       headers(1, {{":method", "GET"}, {":scheme", "http"}, {":path", "http://b/"}, {":authority", "a"}}),
       malformed},
      {"8.3.1 * for another method",
       headers(1, {{":method", "GET"}, {":scheme", "http"}, {":path", "*"}, {":authority", "a"}}), malformed},
      {"8.3.1 an authority with userinfo",
       headers(1, {{":method", "GET"}, {":scheme", "http"}, {":path", "/"}, {":authority", "u@a"}}),
       malformed},
      {"8.3.1 neither authority nor host", get_without(":authority"), malformed},
      {"8.3.1 host in its place",
       headers(1, {{":method", "GET"}, {":scheme", "http"}, {":path", "/"}, {"host", "a.example"}}), "fine"},
      {"8.5 CONNECT with a path",
       headers(1, {{":method", "CONNECT"}, {":scheme", "http"}, {":path", "/"}, {":authority", "a"}}),
       malformed},
  });
}

TEST_CASE("RFC 7541: blocks of fields that cannot be", "[node][h2]") {
  const auto raw = [](const std::string& tail) {
    return frame(FrameType::headers, end_headers | end_stream, 1, block(get_lines("/")) + tail);
  };
  const std::string broken = "connection COMPRESSION_ERROR";
  check({
      {"2.3.3 an index beyond the table", raw("\xc6"), broken},
      {"6.1 index 0", raw("\x80"), broken},
      {"4.2 a table larger than was allowed",
       frame(FrameType::headers, end_headers | end_stream, 1, "\x3f\xe2\x1f" + block(get_lines("/"))),
       broken},
      {"4.2 a change of size behind a field", raw("\x20"), broken},
      {"5.2 padding of more than 7 bits",
       raw(std::string("\x00\x85\xf2\xb2\x4a\x84\xff\x84\x49\x50\x9f\xff", 12)), broken},
      {"5.2 padding that is not ones", raw(std::string("\x00\x85\xf2\xb2\x4a\x84\xff\x83\x49\x50\x90", 11)),
       broken},
      {"5.2 the end of the string within it",
       raw(std::string("\x00\x85\xf2\xb2\x4a\x84\xff\x87\x49\x51\xff\xff\xff\xfa\x7f", 15)), broken},
      {"a block that breaks off",
       frame(FrameType::headers, end_headers | end_stream, 1,
             block(get_lines("/")) + std::string("\x00\x05", 2)),
       broken},
  });
}

TEST_CASE("RFC 9113 6.5.2 and 6.9.2: a window of nothing stops content, and more of it starts it",
          "[node][h2]") {
  serve::ServerOptions options;
  options.http2_clear = true;
  ServeRig rig(1, options);
  RawClient& client = rig.ask(std::string(h2_preface) + settings(4, 0) + get_frame(1));
  const auto content = [&] {
    size_t bytes = 0;
    for (const SeenFrame& seen : frames_of(client.received))
      bytes += seen.type == FrameType::data ? seen.payload.size() : 0;
    return bytes;
  };
  CHECK(answers(client) == 1);
  CHECK(content() == 0);
  client.send(window(1, 1));
  rig.world.run_until_idle();
  CHECK(content() == 1);
  client.send(settings(4, 3));
  rig.world.run_until_idle();
  CHECK(content() == 4);
  client.send(settings(4, 100));
  rig.world.run_until_idle();
  CHECK(content() == std::string_view("hello\n").size());
}

TEST_CASE("RFC 9113 5.1: what was under way when the server ended a stream is no fault", "[node][h2]") {
  serve::ServerOptions options;
  options.http2_clear = true;
  ServeRig rig(1, options);
  // Answered before its content has come: the rest is refused with NO_ERROR, and comes all the same.
  RawClient& client = rig.ask(h2_hello() + headers(1, post_lines("/"), end_headers));
  CHECK(answers(client) == 1);
  for (int i = 0; i < 5; ++i) client.send(frame(FrameType::data, 0, 1, "under way"));
  client.send(headers(1, {{"x-sum", "3"}}) + get_frame(3));
  rig.world.run_until_idle();
  CHECK(outcome(client) == "fine");
  CHECK(answers(client) == 2);
}

TEST_CASE("RFC 9113 6.8: behind a client's farewell what it asked for is still answered", "[node][h2]") {
  serve::ServerOptions options;
  options.http2_clear = true;
  ServeRig rig(1, options);
  RawClient& client =
      rig.ask(h2_hello() + get_frame(1) + frame(FrameType::goaway, 0, 0, be(0, 4) + be(0, 4)));
  CHECK(answers(client) == 1);
}

}  // namespace
}  // namespace perigee::test
