// HTTP/2 where nghttp2 is wrong, forgets or has limits of its own.
#include <algorithm>
#include <catch2/catch_test_macros.hpp>

#include "tests/node/support/h2_abuse_rig.h"

namespace perigee::test {
namespace {

using namespace std::chrono_literals;

std::string priority_update(uint32_t id, const std::string& value = "u=1") {
  return frame(FrameType::priority_update, 0, 0, be(id, 4) + value);
}

// Whose content came first; 0: of none.
uint32_t first_served(const RawClient& client) {
  for (const SeenFrame& seen : frames_of(client.received)) {
    if (seen.type == FrameType::data) return seen.stream;
  }
  return 0;
}

size_t content_of(const RawClient& client, uint32_t stream) {
  size_t bytes = 0;
  for (const SeenFrame& seen : frames_of(client.received))
    bytes += seen.type == FrameType::data && seen.stream == stream ? seen.payload.size() : 0;
  return bytes;
}

// A request that does not end, with nearly as much content as a stream's window has room for.
std::string upload(uint32_t stream, const std::string& path) {
  return headers(stream, post_lines(path), end_headers) +
         repeated(4, frame(FrameType::data, 0, stream, std::string(16'000, 'x')));
}

TEST_CASE("PRIORITY_UPDATE puts an answer before others, also before its request", "[node][h2]") {
  for (const bool early : {false, true}) {
    for (const bool updated : {false, true}) {
      INFO("early " << early << ", updated " << updated);
      AbuseRig abuse;
      const std::string body(60'000, 'x');
      abuse.rig.default_script = [&](serve::ServerExchange& exchange) { abuse.rig.keep(exchange); };
      const std::string update = updated ? priority_update(5, "u=0, i") : "";
      const std::string requests = get_frame(1) + get_frame(3) + get_frame(5);
      RawClient& client = abuse.attack(early ? update + requests : requests + update);
      abuse.rig.loop.post(net::make_task([&] {
        for (const auto& kept : abuse.rig.kept)
          kept->exchange->reply({200, "HTTP/1.1 200 OK\r\n", {}}, body, {});
      }));
      abuse.rig.world.run_until_idle();
      CHECK(first_served(client) == (updated ? 5 : 1));
    }
  }
}

TEST_CASE("a stream whose priority was known before it began lives and ends like others", "[node][h2]") {
  AbuseRig abuse;
  const std::string body(100'000, 'x');
  abuse.rig.scripts["/large"] = [&](serve::ServerExchange& exchange) {
    exchange.reply({200, "HTTP/1.1 200 OK\r\n", {}}, body, {});
  };
  std::string bytes = priority_update(1) + get_frame(1, "/large");
  // As many as there may be at once, and some more.
  for (uint32_t id = 1001; id <= 1301; id += 2) bytes += priority_update(id);
  RawClient& client = abuse.attack(bytes);
  CHECK(content_of(client, 1) == 65'535);
  client.send(frame(FrameType::window_update, 0, 1, be(100'000, 4)) +
              frame(FrameType::window_update, 0, 0, be(100'000, 4)) + get_frame(1301));
  abuse.rig.world.run_until_idle();
  CHECK(content_of(client, 1) == body.size());
  CHECK(content_of(client, 1301) == 6);
  CHECK(!client.closed());
}

TEST_CASE("RFC 9218 7.1: a PRIORITY_UPDATE that is none ends the connection", "[node][h2]") {
  const struct {
    std::string bytes;
    uint32_t error;
  } cases[] = {
      {frame(FrameType::priority_update, 0, 1, be(1, 4) + "u=1"), NGHTTP2_PROTOCOL_ERROR},
      {frame(FrameType::priority_update, 0, 0, "123"), NGHTTP2_FRAME_SIZE_ERROR},
      {frame(FrameType::priority_update, 0, 0), NGHTTP2_FRAME_SIZE_ERROR},
      {priority_update(0), NGHTTP2_PROTOCOL_ERROR},
      {priority_update(2), NGHTTP2_PROTOCOL_ERROR},
  };
  for (const auto& each : cases) {
    AbuseRig abuse;
    RawClient& client = abuse.attack(get_frame(1) + each.bytes);
    CHECK(client.closed());
    CHECK(AbuseRig::goaway(client) == each.error);
  }
  // What it says is another matter.
  AbuseRig abuse;
  RawClient& client =
      abuse.attack(priority_update(1, "u=;") + priority_update(1, "u=9, i=3") +
                   priority_update(1, std::string(5000, 'a')) + priority_update(1, "") + get_frame(1));
  CHECK(!client.closed());
  CHECK(content_of(client, 1) == 6);
}

TEST_CASE("content that nobody reads is given back to the connection's window", "[node][h2]") {
  for (const bool early_answer : {true, false}) {
    INFO("early answer " << early_answer);
    AbuseRig abuse;
    abuse.rig.scripts["/refuse"] = [&](serve::ServerExchange& exchange) {
      KeptExchange& kept = abuse.rig.keep(exchange);
      if (!early_answer) return;
      abuse.rig.loop.post(net::make_task([&kept] {
        kept.exchange->reply({403, "HTTP/1.1 403 Forbidden\r\n", {}}, "no", {});
      }));
    };
    abuse.rig.scripts["/take"] = [&](serve::ServerExchange& exchange) {
      abuse.rig.keep(exchange);
      exchange.read_request_body();
    };
    RawClient& client = abuse.attack("");
    uint32_t id = 1;
    // The connection's window is 1 MiB, each stream's 64 KiB.
    for (int i = 0; i < 40; ++i, id += 2) {
      client.send(upload(id, "/refuse"));
      abuse.rig.world.run_until_idle();
      if (!early_answer) client.send(frame(FrameType::rst_stream, 0, id, be(8, 4)));
      abuse.rig.world.run_until_idle();
      // Neither is so common that the budget would end it before.
      abuse.rig.world.advance(1s);
    }
    client.send(headers(id, post_lines("/take"), end_headers) +
                frame(FrameType::data, end_stream, id, "content"));
    abuse.rig.world.run_until_idle();
    CHECK(!client.closed());
    CHECK(abuse.rig.kept.back()->content == "content");
    CHECK(abuse.rig.kept.back()->content_ended);
  }
}

TEST_CASE("what the connection's window has got back is said at once", "[node][h2]") {
  AbuseRig abuse;
  abuse.rig.scripts["/keep"] = [&](serve::ServerExchange& exchange) { abuse.rig.keep(exchange); };
  RawClient& client = abuse.attack("");
  std::string bytes;
  for (uint32_t id = 1; id < 33; id += 2) bytes += upload(id, "/keep");
  client.send(bytes);
  abuse.rig.world.run_until_idle();
  const auto told = [&] {
    return std::ranges::count_if(frames_of(client.received), [](const SeenFrame& seen) {
      return seen.type == FrameType::window_update && seen.stream == 0;
    });
  };
  const auto before = told();
  for (const auto& kept : abuse.rig.kept) {
    abuse.rig.loop.post(net::make_task([exchange = kept->exchange] {
      exchange->reply({403, "HTTP/1.1 403 Forbidden\r\n", {}}, "no", {});
    }));
  }
  abuse.rig.world.run_until_idle();
  CHECK(told() > before);
}

TEST_CASE("a request that is taken back while nothing can be written ends at once", "[node][h2]") {
  AbuseRig abuse;
  abuse.rig.set_buffers(20'000);
  const std::string body(60'000, 'x');
  abuse.rig.scripts["/large"] = [&](serve::ServerExchange& exchange) {
    exchange.reply({200, "HTTP/1.1 200 OK\r\n", {}}, body, {});
  };
  abuse.rig.scripts["/keep"] = [&](serve::ServerExchange& exchange) { abuse.rig.keep(exchange); };
  RawClient& client = abuse.attack("");
  client.pause();
  client.send(get_frame(1, "/large"));
  abuse.rig.world.run_until_idle();
  for (uint32_t id = 3; id < 43; id += 2) {
    client.send(get_frame(id, "/keep"));
    abuse.rig.world.run_until_idle();
    client.send(frame(FrameType::rst_stream, 0, id, be(8, 4)));
    abuse.rig.world.run_until_idle();
    REQUIRE(abuse.rig.kept.size() == (id - 1) / 2);
    CHECK(abuse.rig.kept.back()->ends == std::vector<serve::ExchangeEnd>{serve::ExchangeEnd::client_gone});
  }
  client.resume();
  abuse.rig.world.run_until_idle();
  CHECK(content_of(client, 1) == body.size());
}

TEST_CASE("a head as long as upstreams may send comes whole", "[node][h2]") {
  serve::ServerOptions options = AbuseRig::options();
  options.head_limits.head_bytes_max = 1024 * 1024;
  AbuseRig abuse(options);
  std::string lines = "HTTP/1.1 200 OK\r\n";
  for (int i = 0; i < 200; ++i) lines += "x-" + std::to_string(i) + ": " + std::string(5000, 'x') + "\r\n";
  abuse.rig.scripts["/long"] = [&](serve::ServerExchange& exchange) {
    exchange.reply({200, lines, {}}, "content", {});
  };
  RawClient& client = abuse.attack(get_frame(1, "/long"));
  CHECK(content_of(client, 1) == 7);
  CHECK(!client.closed());
}

TEST_CASE("who never rests is drained all the same", "[node][h2]") {
  serve::ServerOptions options = AbuseRig::options();
  options.requests_per_connection_max = 10;
  AbuseRig abuse(options);
  RawClient& client = abuse.attack("");
  uint32_t id = 1;
  for (; id < 201 && !client.closed(); id += 2) {
    client.send(get_frame(id));
    abuse.rig.world.run_until_idle();
    abuse.rig.world.advance(400ms);
  }
  CHECK(client.closed());
  CHECK(abuse.rig.requests.size() < 15);
}

TEST_CASE("the library's own limit of resets stands behind ours", "[node][h2]") {
  serve::ServerOptions options = AbuseRig::options();
  options.http2.glitches_max = 5000;
  AbuseRig abuse(options);
  abuse.rig.scripts["/keep"] = [&](serve::ServerExchange& exchange) { abuse.rig.keep(exchange); };
  std::string bytes = headers(1, post_lines("/keep"), end_headers);
  uint32_t id = 3;
  for (int i = 0; i < 1100; ++i, id += 2)
    bytes += get_frame(id) + frame(FrameType::rst_stream, 0, id, be(8, 4));
  RawClient& client = abuse.attack(bytes + frame(FrameType::headers, end_stream, 1, literal("a", "b")));
  client.send(frame(FrameType::continuation, 0, 1, literal("c", "d")));
  abuse.rig.world.run_until_idle();
  client.send(frame(FrameType::continuation, end_headers, 1, literal("e", "f")) + get_frame(id));
  abuse.rig.world.run_until_idle();
  CHECK(!client.closed());
  CHECK(content_of(client, id) == 6);
  CHECK(AbuseRig::goaway(client) == -1);
}

}  // namespace
}  // namespace perigee::test
