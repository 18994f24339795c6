// Answers whose body is pulled from a source: framing, backpressure, fairness, and bodies that break their
// promise.
#include <catch2/catch_test_macros.hpp>

#include "edge/http/h1.h"
#include "tests/node/serve_rig.h"

using namespace perigee;
using namespace std::chrono_literals;
using perigee::test::KeptExchange;
using perigee::test::RawClient;
using perigee::test::ServeRig;
using serve::ExchangeEnd;

namespace {

constexpr uint64_t unknown = serve::ReplyHead::unknown_length;
constexpr std::string_view get_s = "GET /s HTTP/1.1\r\nhost: a\r\n\r\n";

std::string pattern(size_t size) {
  std::string text(size, ' ');
  for (size_t i = 0; i < size; ++i) text[i] = static_cast<char>('a' + (i * 7 + i / 26) % 26);
  return text;
}

// Takes one answer with chunked content apart: head, then content; what is left stays in text.
std::string unchunk(std::string& text, bool& complete) {
  const size_t head = text.find("\r\n\r\n") + 4;
  http::BodyReader reader;
  reader.start(http::Framing::chunked, 0);
  std::string content;
  std::string_view rest = std::string_view(text).substr(head);
  while (!reader.done() && !rest.empty()) {
    const auto step = reader.feed(rest);
    if (step.refused || step.consumed == 0) break;
    content.append(step.data);
    rest.remove_prefix(step.consumed);
  }
  complete = reader.done();
  text = std::string(rest);
  return content;
}

void stream_from(ServeRig& rig, std::string body, uint64_t length) {
  rig.scripts["/s"] = [&rig, body, length](serve::ServerExchange& exchange) {
    KeptExchange& kept = rig.keep(exchange);
    kept.body = body;
    exchange.reply({200, "HTTP/1.1 200 OK\r\n", {}, length}, kept);
  };
}

}  // namespace

TEST_CASE("a body of unknown length is chunked and whole, however little the kernel takes", "[serve]") {
  const std::string body = pattern(1'000'000);
  for (const size_t write_bytes_max : {size_t{0}, size_t{1}, size_t{3}, size_t{1000}, size_t{70'000}}) {
    ServeRig rig(write_bytes_max + 1);
    const std::string sent = write_bytes_max == 1 ? body.substr(0, 3000) : body;
    stream_from(rig, sent, unknown);
    rig.server_io->shape().write_bytes_max = write_bytes_max;
    RawClient& client = rig.ask(std::string(get_s) + "GET / HTTP/1.1\r\nhost: a\r\n\r\n");
    INFO("at most " << write_bytes_max << " a write");
    bool complete = false;
    CHECK((unchunk(client.received, complete) == sent));
    CHECK(complete);
    CHECK(client.received.starts_with("HTTP/1.1 200 OK\r\ncontent-type"));
    REQUIRE(rig.kept.size() == 1);
    CHECK(rig.kept[0]->ends == std::vector{ExchangeEnd::complete});
    CHECK(rig.kept[0]->consumed_bytes == sent.size());
  }
}

TEST_CASE("a body of known length is sent with it", "[serve]") {
  ServeRig rig;
  const std::string body = pattern(300'000);
  stream_from(rig, body, body.size());
  RawClient& client = rig.ask(std::string(get_s) + std::string(get_s));
  const std::string one = "HTTP/1.1 200 OK\r\ncontent-length: 300000\r\n\r\n" + body;
  CHECK(client.received == one + one);
  CHECK_FALSE(client.closed());
}

TEST_CASE("to HTTP/1.0 a body of unknown length lasts until the close", "[serve]") {
  ServeRig rig;
  const std::string body = pattern(100'000);
  stream_from(rig, body, unknown);
  RawClient& client = rig.ask("GET /s HTTP/1.0\r\nconnection: keep-alive\r\n\r\n");
  CHECK(client.received == "HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n" + body);
  CHECK(client.ended);
  CHECK_FALSE(client.broken);
}

TEST_CASE("HEAD never pulls the source", "[serve]") {
  ServeRig rig;
  stream_from(rig, pattern(10), 10);
  RawClient& client = rig.ask("HEAD /s HTTP/1.1\r\nhost: a\r\n\r\n");
  CHECK(client.received == "HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n");
  CHECK(rig.kept[0]->consumed_bytes == 0);
  CHECK(rig.kept[0]->ends == std::vector{ExchangeEnd::complete});
}

TEST_CASE("a body that says wait goes on when it is ready", "[serve]") {
  ServeRig rig;
  rig.scripts["/s"] = [&rig](serve::ServerExchange& exchange) {
    KeptExchange& kept = rig.keep(exchange);
    kept.body = "first ";
    kept.more_comes = true;
    exchange.reply({200, "HTTP/1.1 200 OK\r\n", {}}, kept);
  };
  RawClient& client = rig.ask(get_s);
  CHECK(client.count("first") == 1);
  KeptExchange& kept = *rig.kept[0];
  rig.loop.post(net::make_task([&kept] {
    kept.body += "second";
    kept.more_comes = false;
    kept.exchange->body_ready();
  }));
  rig.world.run_until_idle();
  CHECK(client.received ==
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n6\r\nfirst \r\n6\r\nsecond\r\n0\r\n\r\n");
}

TEST_CASE("body_ready() from a later turn hook of the same turn is not slept over", "[serve]") {
  ServeRig rig;
  struct Late final : net::TurnHook {
    KeptExchange* kept = nullptr;
    void on_turn_end() override {
      if (kept == nullptr) return;
      kept->body = "x";
      kept->more_comes = false;
      std::exchange(kept, nullptr)->exchange->body_ready();
    }
  } late;
  rig.loop.add_turn_hook(late);
  rig.scripts["/s"] = [&](serve::ServerExchange& exchange) {
    KeptExchange& kept = rig.keep(exchange);
    kept.more_comes = true;
    exchange.reply({200, "HTTP/1.1 200 OK\r\n", {}}, kept);
    late.kept = &kept;
  };
  RawClient& client = rig.ask(get_s);
  CHECK(client.received.ends_with("1\r\nx\r\n0\r\n\r\n"));
  rig.loop.remove_turn_hook(late);
}

TEST_CASE("bodies that do not keep what was announced are cut visibly", "[serve]") {
  struct Case {
    std::string_view name;
    size_t size;
    uint64_t announced;
    bool fails;
    std::string_view version;
  };
  const Case cases[] = {
      {"short of its length", 100, 101, false, "1.1"},   {"longer than its length", 101, 100, false, "1.1"},
      {"failed with a length", 100, 200, true, "1.1"},   {"failed while chunked", 100, unknown, true, "1.1"},
      {"failed at the very end", 100, 100, true, "1.1"}, {"failed until close", 100, unknown, true, "1.0"},
      {"failed before a byte", 0, unknown, true, "1.1"}, {"longer, by much", 600'000, 300'000, false, "1.1"},
  };
  for (const Case& c : cases) {
    ServeRig rig;
    rig.scripts["/s"] = [&](serve::ServerExchange& exchange) {
      KeptExchange& kept = rig.keep(exchange);
      kept.body = pattern(c.size);
      kept.fails = c.fails;
      exchange.reply({200, "HTTP/1.1 200 OK\r\n", {}, c.announced}, kept);
    };
    INFO(c.name);
    RawClient& client = rig.ask("GET /s HTTP/" + std::string(c.version) + "\r\nhost: a\r\n\r\n");
    CHECK(client.broken);
    CHECK_FALSE(client.ended);
    CHECK(client.count("\r\n0\r\n") == 0);
    CHECK(rig.kept[0]->ends == std::vector{ExchangeEnd::cut});
    CHECK(rig.metric(Metric::responses_cut) == 1);
    CHECK(rig.server->connections() == 0);
  }
}

TEST_CASE("cut() resets the connection and reports afterwards", "[serve]") {
  ServeRig rig;
  rig.scripts["/s"] = [&](serve::ServerExchange& exchange) {
    KeptExchange& kept = rig.keep(exchange);
    kept.body = "part";
    kept.more_comes = true;
    exchange.reply({200, "HTTP/1.1 200 OK\r\n", {}}, kept);
  };
  RawClient& client = rig.ask(get_s);
  KeptExchange& kept = *rig.kept[0];
  rig.loop.post(net::make_task([&kept] {
    kept.exchange->cut();
    CHECK(kept.ends.empty());
  }));
  rig.world.run_until_idle();
  CHECK(kept.ends == std::vector{ExchangeEnd::cut});
  CHECK(client.broken);
}

TEST_CASE("a client that does not read stops the source, and takes nothing from the others", "[serve]") {
  ServeRig rig;
  rig.set_buffers(10'000);
  stream_from(rig, pattern(500'000), unknown);
  RawClient& slow = rig.connect();
  slow.pause();
  slow.send(get_s);
  rig.world.run_until_idle();
  KeptExchange& kept = *rig.kept[0];
  CHECK(kept.consumed_bytes < 30'000);
  RawClient& fast = rig.ask(get_s);
  bool complete = false;
  CHECK(unchunk(fast.received, complete).size() == 500'000);
  CHECK(complete);
  CHECK(kept.ends.empty());
  slow.resume();
  rig.world.run_until_idle();
  CHECK((unchunk(slow.received, complete) == pattern(500'000)));
  CHECK(complete);
}

TEST_CASE("one connection writes no more than its share of a turn", "[serve]") {
  serve::ServerOptions options;
  options.turn_bytes_max = 10'000;
  ServeRig rig(1, options);
  rig.set_buffers(10'000'000);
  stream_from(rig, pattern(1'000'000), 1'000'000);
  const uint64_t before = rig.loop.counters().wakeups;
  RawClient& client = rig.ask(get_s);
  CHECK(client.received.ends_with(pattern(1'000'000)));
  CHECK(rig.loop.counters().wakeups - before >= 45);
}

TEST_CASE("connections that have had no share of a turn come first in the next one", "[serve]") {
  serve::ServerOptions options;
  options.turn_bytes_max = 10'000;
  options.turn_bytes_min = 1'000;
  options.turn_bytes_all = 20'000;
  ServeRig rig(1, options);
  rig.set_buffers(10'000'000);
  const std::string body = pattern(1'000'000);
  stream_from(rig, body, body.size());
  std::vector<RawClient*> clients;
  const uint64_t before = rig.loop.counters().wakeups;
  for (int i = 0; i < 6; ++i) {
    clients.push_back(&rig.connect());
    clients.back()->send(get_s);
  }
  rig.world.run_until([&] { return clients[0]->received.size() > body.size(); }, 60s);
  for (const RawClient* client : clients) CHECK(client->received.size() > body.size() / 2);
  rig.world.run_until_idle();
  for (const RawClient* client : clients) CHECK(client->received.ends_with(body));
  // Both to events and to the queue.
  CHECK(rig.loop.counters().wakeups - before >= 6 * 1'000'000 / 40'000);
}

TEST_CASE("a client that leaves during a streaming answer ends the exchange once", "[serve]") {
  ServeRig rig;
  rig.scripts["/s"] = [&](serve::ServerExchange& exchange) {
    KeptExchange& kept = rig.keep(exchange);
    kept.body = "part";
    kept.more_comes = true;
    exchange.reply({200, "HTTP/1.1 200 OK\r\n", {}}, kept);
  };
  RawClient& client = rig.ask(get_s);
  client.reset();
  rig.world.run_until_idle();
  CHECK(rig.kept[0]->ends == std::vector{ExchangeEnd::client_gone});
  CHECK(rig.metric(Metric::responses_cut) == 0);
}

TEST_CASE("a client that takes no byte for a minute is cut and counted", "[serve]") {
  ServeRig rig;
  rig.set_buffers(1000);
  stream_from(rig, pattern(100'000), 100'000);
  RawClient& client = rig.connect();
  client.pause();
  client.send(get_s);
  rig.world.advance(59s);
  CHECK(rig.kept[0]->ends.empty());
  rig.world.advance(2s);
  CHECK(rig.kept[0]->ends == std::vector{ExchangeEnd::client_gone});
  CHECK(rig.metric(Metric::client_timeouts) == 1);
  CHECK(rig.server->connections() == 0);
}

TEST_CASE("requests behind a streaming answer wait, and reading pauses when enough of them do", "[serve]") {
  ServeRig rig;
  rig.scripts["/s"] = [&](serve::ServerExchange& exchange) {
    KeptExchange& kept = rig.keep(exchange);
    kept.more_comes = true;
    exchange.reply({200, "HTTP/1.1 200 OK\r\n", {}}, kept);
  };
  const std::string filler = "GET / HTTP/1.1\r\nhost: a\r\nx: " + std::string(4000, 'f') + "\r\n\r\n";
  RawClient& client = rig.ask(get_s);
  std::string many;
  for (int i = 0; i < 500; ++i) many += filler;  // 2 MB, more than all buffers between us
  client.send(many);
  rig.world.run_until_idle();
  CHECK(rig.requests.size() == 1);
  CHECK(rig.loop.counters().bytes_read < 200'000);
  KeptExchange& kept = *rig.kept[0];
  rig.loop.post(net::make_task([&kept] {
    kept.more_comes = false;
    kept.exchange->body_ready();
  }));
  rig.world.run_until_idle();
  CHECK(rig.requests.size() == 501);
  CHECK(client.count("HTTP/1.1 200") == 501);
}
