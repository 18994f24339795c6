// HTTP/2 frames that no good client sends, and good ones by the thousand.
#include <catch2/catch_test_macros.hpp>

#include "tests/node/support/h2_abuse_rig.h"
#include "tests/node/support/h2_client.h"

namespace perigee::test {
namespace {

using namespace std::chrono_literals;

FieldLines with_field(std::string name, std::string value) {
  FieldLines lines = get_lines("/");
  lines.emplace_back(std::move(name), std::move(value));
  return lines;
}

struct Flood {
  std::string_view name;
  std::string bytes;
  std::string first = {};  // sent and answered before
};

// The connection ends within the budget, with a word, and no other does.
void check_flood(const Flood& each) {
  INFO(each.name);
  AbuseRig abuse;
  abuse.rig.scripts["/keep"] = [&](serve::ServerExchange& exchange) { abuse.rig.keep(exchange); };
  H2Client good(abuse.rig.client_loop, abuse.rig.address);
  RawClient& bad = abuse.attack(each.first);
  CHECK(!bad.closed());
  // Bit by bit, so that nothing is unread when it ends and the farewell arrives.
  for (size_t at = 0; at < each.bytes.size() && !bad.closed(); at += 1000) {
    bad.send(each.bytes.substr(at, 1000));
    abuse.rig.world.run_until_idle();
  }
  CHECK(bad.closed());
  CHECK(AbuseRig::goaway(bad) == NGHTTP2_ENHANCE_YOUR_CALM);
  CHECK(abuse.rig.metric(Metric::http2_abuse) == 1);
  CHECK(abuse.rig.requests.size() <= 210);
  const int32_t id = good.get("/");
  abuse.rig.world.run_until_idle();
  CHECK(good.exchange(id).answer.complete);
}

std::vector<Flood> floods_of_nothing() {
  std::string resets;
  std::string provoked;
  for (uint32_t i = 0; i < 2000; ++i) {
    const uint32_t id = 2 * i + 1;
    resets += get_frame(id) + frame(FrameType::rst_stream, 0, id, be(8, 4));
    // A window beyond 2^31-1 is an error of the stream: the server resets it (CVE-2025-8671).
    provoked += get_frame(id) + frame(FrameType::window_update, 0, id, be(0x7fffffff, 4));
  }
  const std::string open = headers(1, get_lines("/keep"), end_headers);
  const std::string window_of_1 = frame(FrameType::window_update, 0, 1, be(1000, 4));
  return {
      {"rapid reset", resets},
      {"provoked resets", provoked},
      {"pings", repeated(2000, frame(FrameType::ping, 0, 0, "12345678"))},
      {"settings", repeated(2000, frame(FrameType::settings, 0, 0))},
      {"priorities", repeated(2000, frame(FrameType::priority, 0, 1, be(0, 4) + "\x10"))},
      {"priority updates", open + repeated(2000, frame(FrameType::priority_update, 0, 0, be(1, 4) + "u=1"))},
      {"empty data", open + repeated(2000, frame(FrameType::data, 0, 1))},
      {"tiny windows", open + repeated(2000, frame(FrameType::window_update, 0, 1, be(1, 4)))},
      {"a bomb in pieces",
       frame(FrameType::headers, end_stream, 1, block(get_lines("/"))) +
           repeated(300, frame(FrameType::continuation, 0, 1, repeated(100, literal("a", "b"))))},
      {"windows of a stream that gets nothing", repeated(2000, window_of_1), open},
      {"padding alone",
       open + repeated(2000, frame(FrameType::data, padded, 1, "\3" + std::string(3, '\0')))},
      {"answers to no ping", repeated(2000, frame(FrameType::ping, ack, 0, "12345678"))},
      {"farewells", open + repeated(2000, frame(FrameType::goaway, 0, 0, be(0, 4) + be(0, 4)))},
      {"unknown frames", repeated(2000, frame(static_cast<FrameType>(0x77), 0, 0, "x"))},
      {"malformed requests",
       [] {
         std::string bytes;
         for (uint32_t i = 0; i < 2000; ++i) bytes += headers(2 * i + 1, with_field("connection", "close"));
         return bytes;
       }()},
  };
}

std::vector<Flood> floods_of_what_is_ignored() {
  // Answered before it has ended: what is reset then is cut short.
  const std::string early = headers(1, get_lines("/"), end_headers);
  std::string many_early;
  for (uint32_t i = 0; i < 130; ++i) many_early += headers(2 * i + 1, get_lines("/"), end_headers);
  const std::string window_of_1 = frame(FrameType::window_update, 0, 1, be(1000, 4));
  return {
      {"data behind an early answer", repeated(2000, frame(FrameType::data, 0, 1, "x")), early},
      {"empty data behind an early answer", repeated(2000, frame(FrameType::data, 0, 1)), early},
      {"heads behind an early answer", repeated(2000, headers(1, {{"x", "y"}})), early},
      {"bombs behind an early answer",
       repeated(40, frame(FrameType::headers, end_stream | end_headers, 1, std::string(16000, '\x82'))),
       early},
      {"a bomb in pieces behind an early answer",
       frame(FrameType::headers, end_stream, 1, std::string(16000, '\x82')) +
           repeated(40, frame(FrameType::continuation, 0, 1, std::string(16000, '\x82'))),
       early},
      {"data of forgotten streams", repeated(2000, frame(FrameType::data, 0, 1, "x")), many_early},
      {"data of a closed stream", repeated(2000, frame(FrameType::data, 0, 1, "x")), get_frame(1)},
      {"windows of a closed stream", repeated(2000, window_of_1), get_frame(1)},
  };
}

TEST_CASE("a flood of what serves nothing ends its connection within the budget, and no other",
          "[node][h2]") {
  for (const Flood& each : floods_of_nothing()) check_flood(each);
}

TEST_CASE("a flood of what is ignored ends its connection, too", "[node][h2]") {
  for (const Flood& each : floods_of_what_is_ignored()) check_flood(each);
}

// The library goes on behind some frames that have spent the budget, in the same call, and asserts where it
// has been told to end twice.
TEST_CASE("what comes behind a spent budget with the same read does no harm", "[node][h2]") {
  const std::pair<std::string_view, std::string> endings[] = {
      {"a ping of 4 bytes", frame(FrameType::ping, 0, 0, "1234")},
      {"settings of 5 bytes", frame(FrameType::settings, 0, 0, "12345")},
      {"a window update of 3 bytes", frame(FrameType::window_update, 0, 0, "123")},
      {"a reset of 3 bytes", frame(FrameType::rst_stream, 0, 1, "123")},
      {"a priority of 4 bytes", frame(FrameType::priority, 0, 1, "1234")},
      {"data on no stream", frame(FrameType::data, 0, 0, "x")},
      {"too large a frame", frame(FrameType::data, 0, 1, std::string(20'000, 'x'))},
      {"continuation of nothing", frame(FrameType::continuation, end_headers, 1, "x")},
      {"half a block", frame(FrameType::headers, 0, 1, block(get_lines("/")))},
      {"a request", get_frame(9'999)},
      {"not HPACK", frame(FrameType::headers, end_headers, 10'001, "\xff\xff\xff\xff\xff\xff")},
  };
  std::vector<Flood> floods = floods_of_nothing();
  for (Flood& each : floods_of_what_is_ignored()) floods.push_back(std::move(each));
  for (const Flood& each : floods) {
    for (const auto& [ending, bytes] : endings) {
      INFO(each.name << ", then " << ending);
      AbuseRig abuse;
      abuse.rig.scripts["/keep"] = [&](serve::ServerExchange& exchange) { abuse.rig.keep(exchange); };
      H2Client good(abuse.rig.client_loop, abuse.rig.address);
      RawClient& bad = abuse.attack(each.first);
      bad.send(each.bytes + bytes);
      abuse.rig.world.run_until_idle();
      bad.send(bytes);
      abuse.rig.world.run_until_idle();
      CHECK(bad.closed());
      CHECK(abuse.rig.metric(Metric::http2_abuse) == 1);
      CHECK(abuse.rig.requests.size() <= 210);
      const int32_t id = good.get("/");
      abuse.rig.world.run_until_idle();
      CHECK(good.exchange(id).answer.complete);
    }
  }
}

TEST_CASE("within the budget nobody is cut off", "[node][h2]") {
  AbuseRig abuse;
  RawClient& client = abuse.attack(repeated(150, frame(FrameType::ping, 0, 0, "12345678")) + get_frame(1));
  CHECK(!client.closed());
  CHECK(AbuseRig::count(client, FrameType::ping) == 150);
  CHECK(AbuseRig::count(client, FrameType::headers) == 1);
  // What is spent comes back.
  abuse.rig.world.advance(20s);
  client.send(repeated(150, frame(FrameType::ping, 0, 0, "12345678")));
  abuse.rig.world.run_until_idle();
  CHECK(!client.closed());
}

TEST_CASE("what is under way behind an early answer costs nothing", "[node][h2]") {
  struct Case {
    std::string_view name;
    std::string bytes;
  };
  // As much as the stream's window had room for: in full frames, and in messages of a hundred bytes.
  const Case cases[] = {
      {"full frames", repeated(4, frame(FrameType::data, 0, 1, std::string(16'383, 'x')))},
      {"messages", repeated(180, frame(FrameType::data, 0, 1, std::string(100, 'x')))},
  };
  for (const Case& each : cases) {
    INFO(each.name);
    AbuseRig abuse;
    RawClient& client = abuse.attack(headers(1, get_lines("/"), end_headers));
    client.send(each.bytes + headers(1, {{"x-sum", "3"}}));
    // The settings and the trailers cost one, and everything else is left.
    client.send(repeated(198, frame(FrameType::ping, 0, 0, "12345678")) + get_frame(3));
    abuse.rig.world.run_until_idle();
    CHECK(!client.closed());
    CHECK(AbuseRig::count(client, FrameType::headers) == 2);
  }
}

TEST_CASE("windows that give back what was read cost nothing", "[node][h2]") {
  AbuseRig abuse;
  const std::string body(60'000, 'x');
  abuse.rig.default_script = [&](serve::ServerExchange& exchange) {
    exchange.reply({200, "HTTP/1.1 200 OK\r\n", {}}, body, {});
  };
  RawClient& client = abuse.attack(frame(FrameType::window_update, 0, 0, be(1 << 24, 4)));
  for (uint32_t id = 1; id < 400; id += 2) {
    // As Firefox does: the stream's window is opened behind the request.
    client.send(get_frame(id) + frame(FrameType::window_update, 0, id, be(1 << 20, 4)));
    abuse.rig.world.run_until_idle();
    // One for the stream and one for the connection per frame; the stream has ended meanwhile.
    for (const uint32_t bytes : {16'384u, 16'384u, 16'384u, 10'848u})
      client.send(frame(FrameType::window_update, 0, id, be(bytes, 4)) +
                  frame(FrameType::window_update, 0, 0, be(bytes, 4)));
  }
  // But for the settings nothing is spent.
  client.send(repeated(199, frame(FrameType::ping, 0, 0, "12345678")));
  abuse.rig.world.run_until_idle();
  CHECK(!client.closed());
  CHECK(abuse.rig.requests.size() == 200);
}

TEST_CASE("a head in endless pieces ends the connection", "[node][h2]") {
  AbuseRig abuse;
  std::string bytes = frame(FrameType::headers, end_stream, 1, block(get_lines("/")));
  bytes += repeated(1000, frame(FrameType::continuation, 0, 1, literal("a", "b")));
  RawClient& client = abuse.attack(bytes);
  CHECK(client.closed());
  CHECK(AbuseRig::goaway(client) == NGHTTP2_ENHANCE_YOUR_CALM);
  CHECK(abuse.rig.metric(Metric::http2_abuse) == 1);
  CHECK(abuse.rig.requests.empty());
}

TEST_CASE("a head that stays unfinished ends the connection in time", "[node][h2]") {
  AbuseRig abuse;
  RawClient& client = abuse.attack(frame(FrameType::headers, end_stream, 1, block(get_lines("/"))));
  abuse.rig.world.advance(9s);
  CHECK(!client.closed());
  abuse.rig.world.advance(3s);
  CHECK(client.closed());
  CHECK(abuse.rig.metric(Metric::client_timeouts) == 1);
}

TEST_CASE("a head that is too long is answered, and costs no more than its bytes", "[node][h2]") {
  serve::ServerOptions options = AbuseRig::options();
  options.head_limits.head_bytes_max = 8000;
  AbuseRig abuse(options);
  FieldLines lines = get_lines("/");
  for (int i = 0; i < 12; ++i) lines.emplace_back("x-" + std::to_string(i), std::string(1000, 'v'));
  RawClient& client = abuse.attack(headers(1, lines));
  CHECK(abuse.rig.requests.empty());
  CHECK(AbuseRig::count(client, FrameType::data) == 1);
  CHECK(client.received.find("431") != std::string::npos);
  // One entry of the table, named a thousand times: small on the wire, large when unpacked.
  std::string bomb = "\x40" + literal("x-bomb", std::string(3000, 'b')).substr(1);
  const std::string reference(4000, '\xbe');
  RawClient& bomber = abuse.attack(
      frame(FrameType::headers, end_stream | end_headers, 1, block(get_lines("/")) + bomb + reference));
  CHECK(abuse.rig.requests.empty());
  CHECK(bomber.received.size() < 4000);
  CHECK(AbuseRig::reset(bomber, 1) == NGHTTP2_INTERNAL_ERROR);
  CHECK(!bomber.closed());
  // A few of them are enough.
  for (uint32_t id = 3; id < 13; id += 2)
    bomber.send(frame(FrameType::headers, end_stream | end_headers, id, block(get_lines("/")) + reference));
  abuse.rig.world.run_until_idle();
  CHECK(bomber.closed());
  CHECK(AbuseRig::goaway(bomber) == NGHTTP2_ENHANCE_YOUR_CALM);
  CHECK(abuse.rig.requests.empty());
}

TEST_CASE("what would be another request upstream is reset", "[node][h2]") {
  struct Case {
    std::string name, value;
  };
  const Case cases[] = {
      {"x", "a\r\nhost: b"},
      {"x", "a\nb"},
      {"x", std::string("a\0b", 3)},
      {"x\r\ny", "a"},
      {"x y", "a"},
      {"x:", "a"},
      {"X-Upper", "a"},
      {"connection", "x"},
      {"transfer-encoding", "chunked"},
      {"upgrade", "h2c"},
      {"te", "gzip"},
      {"content-length", "7"},
      {"host", "b.example"},
      {":path", "/b"},
      {":unknown", "x"},
      {"", "x"},
  };
  for (const Case& each : cases) {
    INFO(each.name << ": " << each.value);
    AbuseRig abuse;
    RawClient& client = abuse.attack(headers(1, with_field(each.name, each.value)) + get_frame(3));
    CHECK(AbuseRig::reset(client, 1) == NGHTTP2_PROTOCOL_ERROR);
    CHECK(abuse.rig.requests == std::vector<std::string>{"/"});
  }
}

TEST_CASE("content that is not as long as was said is an error of its stream", "[node][h2]") {
  FieldLines post = post_lines("/");
  post.emplace_back("content-length", "5");
  for (const std::string content : {"1234", "123456"}) {
    AbuseRig abuse;
    abuse.rig.default_script = [&](serve::ServerExchange& exchange) {
      abuse.rig.keep(exchange);
      exchange.read_request_body();
    };
    RawClient& client =
        abuse.attack(headers(1, post, end_headers) + frame(FrameType::data, end_stream, 1, content));
    CHECK(AbuseRig::reset(client, 1) == NGHTTP2_PROTOCOL_ERROR);
    REQUIRE(abuse.rig.kept.size() == 1);
    CHECK(!abuse.rig.kept[0]->content_ended);
    CHECK(abuse.rig.kept[0]->ends == std::vector<serve::ExchangeEnd>{serve::ExchangeEnd::client_gone});
  }
}

TEST_CASE("trailers end the content and go no further", "[node][h2]") {
  AbuseRig abuse;
  abuse.rig.default_script = [&](serve::ServerExchange& exchange) {
    abuse.rig.keep(exchange);
    exchange.read_request_body();
  };
  const FieldLines post = post_lines("/");
  RawClient& good = abuse.attack(headers(1, post, end_headers) + frame(FrameType::data, 0, 1, "12") +
                                 headers(1, {{"x-sum", "3"}}));
  CHECK(abuse.rig.kept[0]->content == "12");
  CHECK(abuse.rig.kept[0]->content_ended);
  CHECK(AbuseRig::reset(good, 1) == -1);
  RawClient& bad = abuse.attack(headers(1, post, end_headers) + headers(1, {{"connection", "close"}}));
  CHECK(AbuseRig::reset(bad, 1) == NGHTTP2_PROTOCOL_ERROR);
}

TEST_CASE("streams beyond the limit are refused", "[node][h2]") {
  for (const bool known : {false, true}) {
    INFO("the client has acknowledged our settings: " << known);
    AbuseRig abuse;
    abuse.rig.default_script = [&](serve::ServerExchange& exchange) { abuse.rig.keep(exchange); };
    RawClient& client = abuse.attack(known ? frame(FrameType::settings, ack, 0) : "");
    std::string bytes;
    for (uint32_t i = 0; i < 128; ++i) bytes += get_frame(2 * i + 1);
    // Ten too many, with content that was under way.
    for (uint32_t i = 128; i < 138; ++i)
      bytes += headers(2 * i + 1, get_lines("/"), end_headers) + frame(FrameType::data, 0, 2 * i + 1, "x");
    client.send(bytes);
    abuse.rig.world.run_until_idle();
    CHECK(abuse.rig.kept.size() == 128);
    CHECK(client.closed() == known);
    CHECK(AbuseRig::goaway(client) == (known ? NGHTTP2_PROTOCOL_ERROR : -1));
    CHECK(AbuseRig::reset(client, 255) == -1);
    for (uint32_t i = 128; i < 138 && !known; ++i)
      CHECK(AbuseRig::reset(client, 2 * i + 1) == NGHTTP2_REFUSED_STREAM);
    if (known) continue;
    // Each cost one: a browser that asks for a hundred things before it knows a lower limit is not cut off.
    client.send(repeated(189, frame(FrameType::ping, 0, 0, "12345678")));
    abuse.rig.world.run_until_idle();
    CHECK(!client.closed());
  }
}

TEST_CASE("bytes that are no frames end the connection", "[node][h2]") {
  for (const std::string& bytes :
       {std::string("GET / HTTP/1.1\r\nhost: a\r\n\r\n"), std::string(4000, '\xff'),
        frame(FrameType::data, 0, 1, "x"), frame(FrameType::headers, 4, 2, "x"),
        frame(FrameType::settings, 0, 0, "123"), frame(FrameType::goaway, 0, 1, "x"),
        frame(FrameType::headers, end_stream | end_headers, 1, "\xff\xff\xff\xff\xff")}) {
    INFO(bytes.substr(0, 20));
    AbuseRig abuse;
    RawClient& client = abuse.attack(bytes);
    CHECK(client.closed());
    CHECK(abuse.rig.requests.empty());
    CHECK(abuse.rig.server->connections() == 0);
  }
}

TEST_CASE("frames cut anywhere mean the same", "[node][h2]") {
  for (uint64_t seed = 1; seed <= 10; ++seed) {
    ServeRig rig(seed, AbuseRig::options());
    rig.server_io->shape().random_read_sizes = true;
    rig.server_io->shape().read_bytes_max = 1 + seed * 3;
    std::string bytes = h2_hello();
    for (uint32_t i = 0; i < 20; ++i) bytes += get_frame(2 * i + 1, "/" + std::to_string(i));
    RawClient& client = rig.ask(bytes);
    CHECK(rig.requests.size() == 20);
    CHECK(AbuseRig::count(client, FrameType::headers) == 20);
  }
}

}  // namespace
}  // namespace perigee::test
