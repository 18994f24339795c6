// Nodes that see different clusters, or cannot reach each other, answer in time all the same: nobody asks in
// circles, nobody waits for each other.

#include <catch2/catch_test_macros.hpp>

#include "tests/node/support/cluster.h"

namespace perigee::test {
namespace {

using namespace std::chrono_literals;

const std::vector<std::string> europe = {"eu-1", "eu-2", "eu-3"};

// The longest any of these requests takes, each URL asked at every node.
Duration ask_everywhere(Cluster& cluster, int first, int count) {
  Duration longest{};
  for (int i = first; i < first + count; ++i) {
    const std::string path = "/f" + std::to_string(i);
    cluster.origin().on(path).reply(200).max_age(600).body(path);
    for (int pass = 0; pass < 2; ++pass) {
      for (const std::string& node : europe) {
        const MonoTime asked = cluster.world().now();
        cluster.get(node, path).expect(200).body(path);
        longest = std::max<Duration>(longest, cluster.world().now() - asked);
      }
    }
  }
  return longest;
}

// Everything on that makes nodes ask each other.
Setup all_on() {
  Setup setup;
  setup.nodes(europe).joining("10m").probe("1s").tables(
      "[cache]\nhot_requests_min = 2\nhot_one_in = 1000\nspread_one_in = 1000\n");
  return setup;
}

TEST_CASE("different topologies on every node make no loops and no waiting", "[node][cluster][digest]") {
  Cluster cluster(all_on().disagrees("eu-2"));
  // eu-3 believes in a cluster without eu-1.
  Setup without;
  without.nodes({"eu-2", "eu-3"});
  cluster.files("eu-3").put("/etc/topology.toml", Cluster::topology_file(without));
  REQUIRE(cluster.node("eu-3").reload().applied);
  cluster.run();
  REQUIRE(ask_everywhere(cluster, 0, 30) < 100ms);
  REQUIRE(cluster.metric(Metric::loops_detected) == 0);
  REQUIRE(cluster.metric(Metric::requests_error) == 0);
  REQUIRE(cluster.metric(Metric::peer_ejections) == 0);
  for (int i = 0; i < 30; ++i) REQUIRE(cluster.origin().count("GET", "/f" + std::to_string(i)) <= 3);
}

TEST_CASE("two nodes that each take the other for the owner do not wait for each other",
          "[node][cluster][digest]") {
  const std::vector<std::string> both = {"eu-1", "eu-2"};
  for (const char* range : {"", "bytes=0-3"}) {
    CAPTURE(range);
    Cluster cluster(Setup().nodes(both).disagrees("eu-2"));
    std::vector<std::pair<std::string, TestConnection*>> asked;
    for (int i = 0; i < 60; ++i) {
      const std::string path = "/f" + std::to_string(i);
      cluster.origin().on(path).reply(200).max_age(600).etag("\"1\"").delay(20ms).body(path + " and more");
      for (const std::string& node : both) {
        Headers headers;
        if (*range != '\0') headers.emplace_back("range", range);
        asked.emplace_back(path, &cluster.ask(node, path, headers));
      }
    }
    cluster.advance(1s);
    for (const auto& [path, client] : asked) {
      INFO(path);
      REQUIRE(client->answers() == 1);
      REQUIRE(client->answer(0).status < 300);
    }
    // They do ask each other, and that is what the test is about.
    for (const std::string& node : both) REQUIRE(cluster.metric(node, Metric::peer_requests) > 0);
    for (int i = 0; i < 60; ++i) REQUIRE(cluster.origin().count("GET", "/f" + std::to_string(i)) <= 3);
  }
}

TEST_CASE("a PUT is known everywhere though the nodes see different clusters", "[node][cluster][digest]") {
  Cluster cluster(all_on().disagrees("eu-2"));
  for (int i = 0; i < 20; ++i) {
    const std::string text = "version " + std::to_string(i);
    cluster.origin().on("/a").reply(200).max_age(600).body(text);
    cluster.request(europe[static_cast<size_t>(i) % 3], "PUT", "/a", {}, "x").expect(200);
    for (const std::string& node : europe) cluster.get(node, "/a").expect(200).body(text);
  }
}

TEST_CASE("a link that drops one way costs a second, and then nothing", "[node][cluster][partition]") {
  for (const auto& [from, to] : std::vector<std::pair<std::string, std::string>>{
           {"eu-1", "eu-2"}, {"eu-2", "eu-1"}, {"eu-2", "eu-3"}, {"eu-3", "eu-1"}}) {
    Cluster cluster(all_on());
    ask_everywhere(cluster, 0, 5);
    cluster.world().set_drop(from, to, true);
    // An answer in a second, and a quarter of one for who was the owner before.
    REQUIRE(ask_everywhere(cluster, 100, 20) <= 1500ms);
    cluster.advance(20s);
    REQUIRE(ask_everywhere(cluster, 200, 20) <= 300ms);
    REQUIRE(cluster.metric(Metric::requests_error) == 0);
    REQUIRE(cluster.metric(Metric::loops_detected) == 0);
    cluster.world().set_drop(from, to, false);
    cluster.advance(60s);
    REQUIRE(ask_everywhere(cluster, 300, 10) < 50ms);
  }
}

TEST_CASE("three nodes that cannot reach each other each serve from the origin",
          "[node][cluster][partition]") {
  Cluster cluster(all_on());
  for (const char* a : {"eu-1", "eu-2", "eu-3"}) {
    for (const char* b : {"eu-1", "eu-2", "eu-3"}) {
      if (std::string(a) != b) cluster.world().set_drop(a, b, true);
    }
  }
  REQUIRE(ask_everywhere(cluster, 0, 10) <= 3s);
  REQUIRE(cluster.metric(Metric::requests_error) == 0);
}

}  // namespace
}  // namespace perigee::test
