// HTTP/2 clients that are slow on purpose, and others that only are slow.
#include <catch2/catch_test_macros.hpp>

#include "tests/node/support/h2_abuse_rig.h"

namespace perigee::test {
namespace {

using namespace std::chrono_literals;

// What a slow client does every second, and whether it may: 256 bytes a second are asked for.
struct Drip {
  std::string_view name;
  uint32_t bytes;
  bool may;
};
constexpr Drip drips[] = {{"a drip", 100, false}, {"the slowest line there is", 300, true}};

// A body that no client here comes to the end of.
void give_much(AbuseRig& abuse, const std::string& body) {
  abuse.rig.default_script = [&](serve::ServerExchange& exchange) {
    exchange.reply({200, "HTTP/1.1 200 OK\r\n", {}}, body, {});
  };
}

std::string settings_of_window(uint32_t bytes) {
  return frame(FrameType::settings, 0, 0, be(4, 2) + be(bytes, 4));
}

TEST_CASE("a client that takes an answer drop by drop loses the stream", "[node][h2]") {
  const std::string body(300'000, 'x');
  for (const bool of_the_connection : {false, true}) {
    for (const Drip& drip : drips) {
      INFO(drip.name << ", window of the connection: " << of_the_connection);
      AbuseRig abuse;
      give_much(abuse, body);
      RawClient& client = abuse.attack(settings_of_window(of_the_connection ? 1 << 20 : 1000) + get_frame(1));
      for (int second = 0; second < 200; second += 3) {
        abuse.rig.world.advance(3s);
        client.send(frame(FrameType::window_update, 0, of_the_connection ? 0 : 1, be(3 * drip.bytes, 4)));
        abuse.rig.world.run_until_idle();
      }
      CHECK(AbuseRig::reset(client, 1) == (drip.may ? -1 : NGHTTP2_CANCEL));
      CHECK(abuse.rig.metric(Metric::client_timeouts) == (drip.may ? 0 : 1));
      CHECK(abuse.rig.metric(Metric::http2_abuse) == 0);
    }
  }
}

TEST_CASE("a stream that waits while another has the connection's window is not stalled", "[node][h2]") {
  AbuseRig abuse;
  const std::string body(300'000, 'x');
  give_much(abuse, body);
  RawClient& client = abuse.attack(settings_of_window(1 << 20) + get_frame(1) + get_frame(3));
  // The first one has it all to itself for more than a minute: they are not incremental (RFC 9218 4.2).
  for (int second = 0; second < 100; ++second) {
    abuse.rig.world.advance(1s);
    client.send(frame(FrameType::window_update, 0, 0, be(2000, 4)));
    abuse.rig.world.run_until_idle();
  }
  CHECK(AbuseRig::count(client, FrameType::rst_stream) == 0);
  size_t of_the_second = 0;
  for (const SeenFrame& seen : frames_of(client.received))
    of_the_second += seen.type == FrameType::data && seen.stream == 3 ? 1 : 0;
  CHECK(of_the_second == 0);
}

TEST_CASE("a client that sends content drop by drop loses the stream", "[node][h2]") {
  for (const Drip& drip : drips) {
    INFO(drip.name);
    AbuseRig abuse;
    abuse.rig.default_script = [&](serve::ServerExchange& exchange) {
      abuse.rig.keep(exchange);
      exchange.read_request_body();
    };
    RawClient& client = abuse.attack(headers(1, post_lines("/"), end_headers));
    for (int second = 0; second < 100; ++second) {
      abuse.rig.world.advance(1s);
      client.send(frame(FrameType::data, 0, 1, std::string(drip.bytes, 'x')));
      abuse.rig.world.run_until_idle();
    }
    CHECK(AbuseRig::reset(client, 1) == (drip.may ? -1 : NGHTTP2_CANCEL));
    CHECK(abuse.rig.metric(Metric::client_timeouts) == (drip.may ? 0 : 1));
  }
}

TEST_CASE("a client that reads its connection drop by drop loses it", "[node][h2]") {
  const std::string body(60'000, 'x');
  for (const Drip& drip : drips) {
    INFO(drip.name);
    AbuseRig abuse;
    abuse.rig.set_buffers(3 * drip.bytes);
    abuse.rig.client_io->shape().read_bytes_max = 3 * drip.bytes;
    give_much(abuse, body);
    RawClient& client = abuse.rig.connect();
    client.pause();
    client.send(h2_hello() + get_frame(1));
    for (int second = 0; second < 100; second += 3) {
      abuse.rig.world.advance(3s);
      client.sip();
      abuse.rig.world.run_until_idle();
    }
    CHECK(abuse.rig.server->connections() == (drip.may ? 1 : 0));
  }
}

// Requests on the n-th stream and so many behind it.
std::string requests(uint32_t n, uint32_t count) {
  std::string bytes;
  for (uint32_t i = n; i < n + count; ++i) bytes += get_frame(2 * i + 1);
  return bytes;
}

TEST_CASE("who stalls all of its streams spends the budget", "[node][h2]") {
  AbuseRig abuse;
  const std::string body(300'000, 'x');
  give_much(abuse, body);
  RawClient& client = abuse.attack(settings_of_window(0) + requests(0, 110));
  abuse.rig.world.advance(59s);
  CHECK(!client.closed());
  abuse.rig.world.advance(3s);
  CHECK(client.closed());
  CHECK(AbuseRig::goaway(client) == NGHTTP2_ENHANCE_YOUR_CALM);
  CHECK(abuse.rig.metric(Metric::http2_abuse) == 1);
}

TEST_CASE("a budget that stalls have spent ends those that are not due yet", "[node][h2]") {
  AbuseRig abuse;
  const std::string body(300'000, 'x');
  give_much(abuse, body);
  RawClient& client = abuse.attack(settings_of_window(0) + requests(0, 105));
  abuse.rig.world.advance(500ms);
  client.send(requests(105, 15));
  abuse.rig.world.run_until_idle();
  abuse.rig.world.advance(61s);
  CHECK(client.closed());
  CHECK(AbuseRig::goaway(client) == NGHTTP2_ENHANCE_YOUR_CALM);
  // The others had a second look to live.
  CHECK(abuse.rig.metric(Metric::client_timeouts) == 105);
}

TEST_CASE("who says something every half second is looked at all the same", "[node][h2]") {
  AbuseRig slow;
  RawClient& head = slow.attack(frame(FrameType::headers, end_stream, 1, block(get_lines("/"))));
  for (int i = 0; i < 24; ++i) {
    slow.rig.world.advance(500ms);
    head.send(frame(FrameType::continuation, 0, 1, literal("a", "b")));
    slow.rig.world.run_until_idle();
  }
  CHECK(head.closed());
  CHECK(slow.rig.metric(Metric::client_timeouts) == 1);

  AbuseRig stalled;
  stalled.rig.default_script = [&](serve::ServerExchange& exchange) {
    exchange.reply({200, "HTTP/1.1 200 OK\r\n", {}}, "some content", {});
  };
  RawClient& client = stalled.attack(frame(FrameType::settings, 0, 0, be(4, 2) + be(0, 4)) + get_frame(1));
  for (int i = 0; i < 124; ++i) {
    stalled.rig.world.advance(500ms);
    client.send(frame(FrameType::ping, 0, 0, "12345678"));
    stalled.rig.world.run_until_idle();
  }
  CHECK(AbuseRig::reset(client, 1) == NGHTTP2_CANCEL);
}

TEST_CASE("a block of fields ends with its stream, and no timeout waits for the rest of it", "[node][h2]") {
  AbuseRig abuse;
  KeptExchange* kept = nullptr;
  abuse.rig.scripts["/long"] = [&](serve::ServerExchange& exchange) {
    kept = &abuse.rig.keep(exchange);
    kept->more_comes = true;
    exchange.reply({200, "HTTP/1.1 200 OK\r\n", {}}, *kept);
  };
  // The second is answered while its trailers are on their way, which are not awaited.
  RawClient& client = abuse.attack(get_frame(1, "/long") + headers(3, get_lines("/"), end_headers) +
                                   frame(FrameType::headers, end_stream, 3, literal("a", "b")));
  CHECK(AbuseRig::reset(client, 3) == NGHTTP2_NO_ERROR);
  client.send(frame(FrameType::continuation, end_headers, 3, literal("c", "d")));
  abuse.rig.world.run_until_idle();
  abuse.rig.world.advance(11s);
  CHECK(!client.closed());
  CHECK(abuse.rig.metric(Metric::client_timeouts) == 0);
  REQUIRE(kept != nullptr);
  CHECK(kept->ends.empty());
}

// The streams that GOAWAY frames have promised to serve, one after the other.
std::vector<uint32_t> promised(const RawClient& client) {
  std::vector<uint32_t> last;
  for (const SeenFrame& seen : frames_of(client.received)) {
    if (seen.type == FrameType::goaway) last.push_back(seen.last_stream());
  }
  return last;
}

TEST_CASE("a drain gives notice, serves what crosses it, and takes no more after its last word",
          "[node][h2]") {
  AbuseRig abuse;
  abuse.rig.scripts["/keep"] = [&](serve::ServerExchange& exchange) { abuse.rig.keep(exchange); };
  RawClient& client = abuse.attack(get_frame(1, "/keep"));
  abuse.rig.server->drain(30s, nullptr);
  abuse.rig.world.run_until_idle();
  // RFC 9113 6.8: first that the end comes, with the highest number there is; what was under way is served.
  CHECK(promised(client) == std::vector<uint32_t>{0x7fffffff});
  client.send(get_frame(3, "/crossing"));
  abuse.rig.world.run_until_idle();
  CHECK(abuse.rig.requests == std::vector<std::string>{"/keep", "/crossing"});
  abuse.rig.world.advance(1s);
  CHECK(promised(client) == std::vector<uint32_t>{0x7fffffff, 3});
  // A request and its content that had not heard of it: neither served nor held against the client.
  client.send(headers(5, get_lines("/late"), end_headers) + frame(FrameType::data, end_stream, 5, "content") +
              frame(FrameType::ping, 0, 0, "12345678"));
  abuse.rig.world.run_until_idle();
  CHECK(abuse.rig.requests.size() == 2);
  CHECK(AbuseRig::reset(client, 5) == -1);
  CHECK(AbuseRig::count(client, FrameType::ping) == 1);
  CHECK(!client.closed());
  abuse.rig.loop.post(net::make_task([&] {
    abuse.rig.kept[0]->exchange->reply({200, "HTTP/1.1 200 OK\r\n", {}}, "last", {});
  }));
  abuse.rig.world.run_until_idle();
  CHECK(client.received.find("last") != std::string::npos);
  CHECK(client.closed());
}

}  // namespace
}  // namespace perigee::test
