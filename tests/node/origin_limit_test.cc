// How many requests are under way at once toward an origin server, when that adapts.
#include <catch2/catch_test_macros.hpp>

#include "edge/base/json.h"
#include "tests/node/support/cluster.h"

namespace perigee::test {
namespace {

using namespace std::chrono_literals;

const std::string adapting = "connections = 30\nconnections_adapt = true\nconnections_min = 4\n";

struct OneServer {
  explicit OneServer(const std::string& settings)
      : cluster(Setup().origin("servers = [\"10.9.0.1:80\"]\nbreaker_percent = 0\n" + settings)) {
    cluster.origin().on("/busy").reply(503).field("cache-control", "no-store");
  }
  // So many different URLs at once: how many reach the origin before the first is answered. All are answered.
  size_t at_once(int count) {
    const int first = next;
    std::vector<TestConnection*> clients;
    for (; next < first + count; ++next) {
      const std::string path = "/f" + std::to_string(next);
      cluster.origin().on(path).reply(200).max_age(60).delay(1s).body("hello");
      clients.push_back(&cluster.ask("eu-1", path));
    }
    const size_t before = cluster.origin().requests().size();
    cluster.advance(500ms);
    const size_t reached = cluster.origin().requests().size() - before;
    for (TestConnection* client : clients) {
      cluster.run_until([&] { return client->answers() == 1; });
      Reply(client->answer(0)).expect(200).body("hello");
    }
    return reached;
  }
  void be_busy(int times) {
    for (int i = 0; i < times; ++i) cluster.get("eu-1", "/busy").expect(503);
  }
  Json limit() { return parse_json(cluster.topology("eu-1"))["origins"][0]["limit"]; }

  Cluster cluster;
  int next = 0;
};

TEST_CASE("an overloaded server has fewer requests under way, and by and by more again",
          "[node][origin][limit]") {
  OneServer server(adapting);
  REQUIRE(server.at_once(40) == 30);
  server.be_busy(1);
  REQUIRE(server.limit() == 20);
  server.be_busy(1);
  REQUIRE(server.cluster.metric(Metric::origin_limit_lowered) == 2);
  REQUIRE(server.limit() == 13);
  // One fewer than it allows says nothing of more; of as many, the answers may come together and count.
  REQUIRE(server.at_once(12) == 12);
  REQUIRE(server.limit() == 13);
  // A second wave at the limit, which grows while its second half waits.
  REQUIRE(server.at_once(40) == 13);
  const auto grown = server.limit().get<int>();
  REQUIRE(grown > 13);
  REQUIRE(grown <= 17);
  REQUIRE(server.at_once(40) == static_cast<size_t>(grown));
  for (int i = 0; i < 10; ++i) server.at_once(60);
  REQUIRE(server.limit() == 30);
  server.be_busy(50);
  REQUIRE(server.limit() == 4);
  REQUIRE(server.at_once(10) == 4);
}

TEST_CASE("a server that does not answer in time is overloaded, one whose pages fail is not",
          "[node][origin][limit]") {
  OneServer server(adapting + "first_byte_timeout = \"1s\"\n");
  server.cluster.origin().on("/broken").reply(500).field("cache-control", "no-store");
  for (int i = 0; i < 5; ++i) server.cluster.get("eu-1", "/broken").expect(500);
  REQUIRE(server.cluster.metric(Metric::origin_limit_lowered) == 0);
  server.cluster.origin().on("/slow").reply(200).delay(100s);
  server.cluster.get("eu-1", "/slow").expect(504);
  // Three attempts, one after another.
  REQUIRE(server.cluster.metric(Metric::origin_limit_lowered) == 3);
  REQUIRE(server.limit() == 8);
}

TEST_CASE("limits do not adapt unless they are told to", "[node][origin][limit]") {
  OneServer server("connections = 30\n");
  server.be_busy(10);
  REQUIRE(server.at_once(40) == 30);
  REQUIRE(server.limit().is_null());
  REQUIRE(server.cluster.metric(Metric::origin_limit_lowered) == 0);
}

TEST_CASE("connections are counted for each server, not for the group", "[node][origin][limit]") {
  Cluster cluster(Setup().origin("servers = [\"10.9.0.1:80\", \"10.9.0.2:80\"]\nconnections = 3\n"));
  ScriptedOrigin& second = cluster.add_origin("second", "10.9.0.2:80");
  for (int i = 0; i < 20; ++i) {
    const std::string path = "/f" + std::to_string(i);
    for (ScriptedOrigin* each : {&cluster.origin(), &second}) each->on(path).reply(200).delay(1s).body("x");
    cluster.ask("eu-1", path);
  }
  cluster.advance(500ms);
  REQUIRE(cluster.origin().requests().size() == 3);
  REQUIRE(second.requests().size() == 3);
}

}  // namespace
}  // namespace perigee::test
