// Short answers to clients that were read from in a row leave together, after the last of them was read.
#include <catch2/catch_test_macros.hpp>

#include "tests/node/serve_rig.h"

using namespace perigee;
using perigee::test::get_root;
using perigee::test::hello;
using perigee::test::RawClient;
using perigee::test::ServeRig;

namespace {

constexpr uint64_t seeds = 40;

void answer(serve::ServerExchange& exchange) {
  exchange.reply({200, "HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\n", {}}, "hello\n", {});
}

// So many clients whose connections are up.
void connect(ServeRig& rig, size_t clients) {
  for (size_t i = 0; i < clients; ++i) rig.connect();
  rig.world.run_until_idle();
}

void ask_all(ServeRig& rig, std::string_view bytes) {
  for (auto& client : rig.clients) client->send(bytes);
  rig.world.run_until_idle();
}

}  // namespace

TEST_CASE("answers to clients read from in a row leave behind the last request", "[serve]") {
  size_t begun_before_a_write = 0;
  for (uint64_t seed = 1; seed <= seeds; ++seed) {
    ServeRig rig(seed);
    connect(rig, 6);
    const uint64_t writes = rig.loop.counters().writes;
    rig.default_script = [&](serve::ServerExchange& exchange) {
      begun_before_a_write += rig.requests.size() > 1 && rig.loop.counters().writes == writes;
      answer(exchange);
    };
    ask_all(rig, get_root);
    for (auto& client : rig.clients) CHECK(client->received == hello);
    CHECK(rig.loop.counters().writes - writes == 6);
    CHECK(rig.metric(Metric::client_bytes_sent) == 6 * hello.size());
  }
  CHECK(begun_before_a_write > seeds / 4);
}

TEST_CASE("an answer that leaves together with others and does not fit goes on later", "[serve]") {
  for (uint64_t seed = 1; seed <= seeds; ++seed) {
    ServeRig rig(seed);
    rig.set_buffers(30);
    connect(rig, 4);
    std::string twice(get_root);
    twice.append(get_root);
    ask_all(rig, twice);
    rig.world.advance(std::chrono::seconds(1));
    for (auto& client : rig.clients) {
      CHECK(client->received == std::string(hello) + std::string(hello));
      CHECK_FALSE(client->closed());
    }
  }
}

TEST_CASE("an answer that waits to leave does so although its connection is to be drained", "[serve]") {
  for (uint64_t seed = 1; seed <= seeds; ++seed) {
    ServeRig rig(seed);
    connect(rig, 5);
    rig.default_script = [&](serve::ServerExchange& exchange) {
      answer(exchange);
      if (rig.requests.size() == 3) rig.server->drain(std::chrono::seconds(5), nullptr);
    };
    for (auto& client : rig.clients) client->send(get_root);
    rig.world.run_until_idle();
    size_t answered = 0;
    for (auto& client : rig.clients) {
      CHECK(client->closed());
      answered +=
          client->received.starts_with("HTTP/1.1 200 OK\r\n") && client->received.ends_with("hello\n");
    }
    CHECK(answered >= 3);
  }
}

TEST_CASE("more short answers than there is memory for are all whole", "[serve]") {
  const std::string body(3900, 'b');
  for (uint64_t seed = 1; seed <= seeds; ++seed) {
    ServeRig rig(seed);
    connect(rig, 24);
    rig.default_script = [&](serve::ServerExchange& exchange) {
      exchange.reply({200, "HTTP/1.1 200 OK\r\n", {}}, body, {});
    };
    ask_all(rig, get_root);
    for (auto& client : rig.clients) {
      CHECK(client->received == "HTTP/1.1 200 OK\r\ncontent-length: 3900\r\n\r\n" + body);
    }
    ask_all(rig, get_root);
    for (auto& client : rig.clients) {
      CHECK(client->received.size() == 2 * (body.size() + 41));
    }
  }
}
