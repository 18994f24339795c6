// What ends a connection: refused requests, timeouts, the connection limit, draining, the end of the loop.
#include <catch2/catch_test_macros.hpp>

#include "tests/node/serve_rig.h"
#include "tests/unit/malformed_requests.h"

using namespace perigee;
using namespace std::chrono_literals;
using perigee::test::KeptExchange;
using perigee::test::RawClient;
using perigee::test::ServeRig;
using serve::ExchangeEnd;

namespace {

constexpr std::string_view get_root = "GET / HTTP/1.1\r\nhost: a\r\n\r\n";

struct Drained final : serve::DrainHandler {
  int times = 0;
  void on_drained() override { ++times; }
};

void stream_without_end(ServeRig& rig) {
  rig.scripts["/s"] = [&rig](serve::ServerExchange& exchange) {
    KeptExchange& kept = rig.keep(exchange);
    kept.body = "part";
    kept.more_comes = true;
    exchange.reply({200, "HTTP/1.1 200 OK\r\n", {}}, kept);
  };
}

void drain(ServeRig& rig, Duration within, Drained& drained) {
  rig.loop.post(net::make_task([&rig, within, &drained] {
    rig.server->drain(within, &drained);
    CHECK(drained.times == 0);
  }));
  rig.world.run_until_idle();
}

}  // namespace

TEST_CASE("a bad request is answered, closed and counted, after the good ones before it", "[serve]") {
  ServeRig rig;
  RawClient& client =
      rig.ask(std::string(get_root) + "GET / HTTP/1.1\r\nhost : a\r\n\r\n" + std::string(get_root));
  CHECK(client.count("HTTP/1.1 200") == 1);
  CHECK(client.count("HTTP/1.1 400 Bad Request\r\n") == 1);
  CHECK(client.count("connection: close\r\n") == 1);
  CHECK(client.ended);
  CHECK_FALSE(client.broken);
  CHECK(rig.requests.size() == 1);
  CHECK(rig.metric(Metric::requests_bad) == 1);
  CHECK(rig.server->connections() == 0);
}

TEST_CASE("a refused client that goes on sending can read its answer, but not for ever", "[serve]") {
  ServeRig rig;
  RawClient& client = rig.connect();
  client.send("BAD\r\n\r\n" + std::string(100'000, 'x'));
  rig.world.run_until_idle();
  CHECK(client.received.starts_with("HTTP/1.1 400"));
  CHECK_FALSE(client.broken);

  ServeRig bounded;
  RawClient& flood = bounded.connect();
  flood.send("BAD\r\n\r\n" + std::string(10'000'000, 'x'));
  bounded.world.run_until_idle();
  CHECK(bounded.loop.counters().bytes_read < 1'000'000);
  CHECK(bounded.server->connections() == 0);
}

TEST_CASE("CONNECT is answered 501 and closed", "[serve]") {
  ServeRig rig;
  RawClient& client = rig.ask("CONNECT a:443 HTTP/1.1\r\nhost: a:443\r\n\r\n");
  CHECK(client.received.starts_with("HTTP/1.1 501 Not Implemented\r\n"));
  CHECK(client.ended);
  CHECK(rig.requests.empty());
}

TEST_CASE("a client that sends nothing is closed in silence", "[serve]") {
  ServeRig rig;
  RawClient& client = rig.connect();
  rig.world.advance(9s);
  CHECK_FALSE(client.closed());
  rig.world.advance(2s);
  CHECK(client.closed());
  CHECK(client.received.empty());
}

TEST_CASE("a head that takes too long is answered 408, however it drips", "[serve]") {
  ServeRig rig;
  RawClient& client = rig.ask(get_root);
  client.take();
  rig.world.advance(30s);
  for (const char c : std::string_view("GET / HTTP")) {
    client.send(std::string_view(&c, 1));
    rig.world.advance(1s);
  }
  rig.world.advance(1s);
  CHECK(client.received.starts_with("HTTP/1.1 408 Request Timeout\r\n"));
  CHECK(client.ended);
  CHECK(rig.metric(Metric::client_timeouts) == 1);
}

TEST_CASE("an idle connection is kept for a minute after its last request", "[serve]") {
  ServeRig rig;
  RawClient& client = rig.ask(get_root);
  for (int i = 0; i < 3; ++i) {
    rig.world.advance(50s);
    client.send(get_root);
    rig.world.run_until_idle();
  }
  CHECK(client.count("HTTP/1.1 200") == 4);
  rig.world.advance(59s);
  CHECK_FALSE(client.closed());
  rig.world.advance(2s);
  CHECK(client.closed());
  CHECK_FALSE(client.broken);
}

TEST_CASE("a handler may take its time: serve has no deadline for it", "[serve]") {
  ServeRig rig;
  rig.scripts["/slow"] = [&](serve::ServerExchange& exchange) { rig.keep(exchange); };
  RawClient& client = rig.ask("GET /slow HTTP/1.1\r\nhost: a\r\n\r\n");
  rig.world.advance(600s);
  CHECK_FALSE(client.closed());
  CHECK(rig.kept[0]->ends.empty());
}

TEST_CASE("connections over the limit are closed at once and counted", "[serve]") {
  serve::ServerOptions options;
  options.connections_max = 2;
  ServeRig rig(1, options);
  RawClient& first = rig.ask(get_root);
  rig.ask(get_root);
  RawClient& third = rig.ask(get_root);
  CHECK(third.received.empty());
  CHECK(third.closed());
  CHECK(rig.metric(Metric::connections_refused) == 1);
  first.reset();
  rig.world.run_until_idle();
  CHECK(rig.ask(get_root).count("HTTP/1.1 200") == 1);
}

TEST_CASE("draining closes what is idle and lets what is busy finish", "[serve]") {
  ServeRig rig;
  rig.scripts["/slow"] = [&](serve::ServerExchange& exchange) { rig.keep(exchange); };
  RawClient& idle = rig.ask(get_root);
  RawClient& busy = rig.ask("GET /slow HTTP/1.1\r\nhost: a\r\n\r\n");
  Drained drained;
  drain(rig, 30s, drained);
  CHECK(idle.closed());
  CHECK_FALSE(idle.broken);
  CHECK(drained.times == 0);
  CHECK(rig.ask(get_root).broken);  // nobody listens

  rig.loop.post(net::make_task([&] {
    rig.kept[0]->exchange->reply({200, "HTTP/1.1 200 OK\r\n", {}}, "slow", {});
  }));
  rig.world.run_until_idle();
  CHECK(busy.received == "HTTP/1.1 200 OK\r\ncontent-length: 4\r\nconnection: close\r\n\r\nslow");
  CHECK(busy.ended);
  CHECK(drained.times == 1);
}

TEST_CASE("draining cuts what has not finished by its deadline", "[serve]") {
  ServeRig rig;
  stream_without_end(rig);
  RawClient& client = rig.ask("GET /s HTTP/1.1\r\nhost: a\r\n\r\n");
  Drained drained;
  drain(rig, 5s, drained);
  rig.world.advance(4s);
  CHECK(drained.times == 0);
  rig.world.advance(2s);
  CHECK(drained.times == 1);
  CHECK(client.broken);
  CHECK(rig.kept[0]->ends == std::vector{ExchangeEnd::shutdown});
}

TEST_CASE("draining a server without connections is reported too", "[serve]") {
  ServeRig rig;
  Drained drained;
  drain(rig, 5s, drained);
  CHECK(drained.times == 1);
}

TEST_CASE("the end of the loop ends exchanges with shutdown", "[serve]") {
  ServeRig rig;
  stream_without_end(rig);
  rig.ask("GET /s HTTP/1.1\r\nhost: a\r\n\r\n");
  rig.server_io->stop();
  CHECK(rig.kept[0]->ends == std::vector{ExchangeEnd::shutdown});
  CHECK(rig.server->connections() == 0);
}

TEST_CASE("head limits are the parser's and its status is passed on", "[serve]") {
  serve::ServerOptions options;
  options.head_limits.head_bytes_max = 2000;
  ServeRig rig(1, options);
  const std::string long_field = "GET / HTTP/1.1\r\nhost: a\r\nx: " + std::string(3000, 'x') + "\r\n\r\n";
  CHECK(rig.ask(long_field).received.starts_with("HTTP/1.1 431 "));
}

TEST_CASE("no malformed request reaches the handler; each is answered and closed", "[serve]") {
  for (const http::test::MalformedRequest& request : http::test::malformed_requests()) {
    ServeRig rig;
    RawClient& client = rig.ask(request.bytes);
    INFO(request.name);
    CHECK(client.received.starts_with("HTTP/1.1 " + std::to_string(request.status) + " "));
    CHECK(client.count("HTTP/1.1 ") == 1);
    CHECK(client.count("connection: close\r\n") == 1);
    CHECK(client.ended);
    CHECK(rig.requests.empty());
    CHECK(rig.metric(Metric::requests_bad) == 1);
    CHECK(rig.server->connections() == 0);
  }
}

TEST_CASE("no malformed content is taken for complete; the exchange ends and the connection closes",
          "[serve]") {
  for (const http::test::MalformedRequest& request : http::test::malformed_contents()) {
    ServeRig rig;
    rig.default_script = [&rig](serve::ServerExchange& exchange) {
      rig.keep(exchange);
      exchange.read_request_body();
    };
    RawClient& client = rig.ask(request.bytes);
    INFO(request.name);
    CHECK(client.received.starts_with("HTTP/1.1 400 "));
    CHECK(client.ended);
    CHECK(rig.requests.size() == 1);
    REQUIRE(rig.kept.size() == 1);
    CHECK_FALSE(rig.kept[0]->content_ended);
    CHECK(rig.kept[0]->ends == std::vector{ExchangeEnd::client_gone});
    CHECK(rig.server->connections() == 0);
  }
}
