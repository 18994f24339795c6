// A node that has just become an owner asks the owner before it for what that one has stored.

#include <catch2/catch_test_macros.hpp>

#include "tests/node/support/cluster.h"

namespace perigee::test {
namespace {

using namespace std::chrono_literals;

const std::vector<std::string> europe = {"eu-1", "eu-2", "eu-3"};

std::vector<std::string> files(Cluster& cluster, int count) {
  std::vector<std::string> paths;
  for (int i = 0; i < count; ++i) {
    paths.push_back("/f" + std::to_string(i));
    cluster.origin()
        .on(paths.back())
        .reply(200)
        .max_age(3600)
        .etag("\"1\"")
        .body("content of " + paths.back());
  }
  return paths;
}

void get_all(Cluster& cluster, const std::vector<std::string>& nodes, const std::vector<std::string>& paths) {
  for (const std::string& path : paths) {
    for (const std::string& node : nodes) cluster.get(node, path).expect(200).body("content of " + path);
  }
}

// eu-4 joins the three, and all of them know.
void add_fourth(Cluster& cluster) {
  Setup larger;
  larger.nodes({"eu-1", "eu-2", "eu-3", "eu-4"}).joining("10m");
  cluster.add_node(larger, "eu-4");
  for (const std::string& node : europe) {
    cluster.files(node).put("/etc/topology.toml", Cluster::topology_file(larger));
    REQUIRE(cluster.node(node).reload().applied);
  }
  cluster.run();
}

TEST_CASE("a killed node that returns fetches next to nothing of its own from the origin again",
          "[node][cluster][joining]") {
  Setup setup;
  setup.nodes(europe).joining("10m").probe("1s");
  Cluster cluster(setup);
  const std::vector<std::string> paths = files(cluster, 60);
  get_all(cluster, europe, paths);
  REQUIRE(cluster.origin().requests().size() == paths.size());
  cluster.crash("eu-2");
  get_all(cluster, {"eu-1", "eu-3"}, paths);
  size_t owned = 0;
  for (const std::string& path : paths) owned += cluster.owners("eu", path)[0] == "eu-2" ? 1 : 0;
  // One more for each URL that the dead node owned.
  REQUIRE(cluster.origin().requests().size() == paths.size() + owned);
  cluster.restart(setup, "eu-2");
  cluster.advance(6s);
  get_all(cluster, europe, paths);
  REQUIRE(cluster.origin().requests().size() == paths.size() + owned);
  REQUIRE(cluster.metric("eu-2", Metric::joining_found) == owned);
  // What it was given it keeps, as an owner does.
  get_all(cluster, {"eu-2"}, paths);
  REQUIRE(cluster.metric("eu-2", Metric::joining_asked) == owned);
}

TEST_CASE("a node added to a warm cluster asks the owners before it", "[node][cluster][joining]") {
  Setup setup;
  setup.nodes(europe).joining("10m");
  Cluster cluster(setup);
  const std::vector<std::string> paths = files(cluster, 60);
  get_all(cluster, europe, paths);
  add_fourth(cluster);
  get_all(cluster, {"eu-1", "eu-2", "eu-3", "eu-4"}, paths);
  REQUIRE(cluster.origin().requests().size() == paths.size());
  REQUIRE(cluster.metric("eu-4", Metric::joining_found) > 5);
}

TEST_CASE("what the owner before has not stored is fetched, and nobody asks further",
          "[node][cluster][joining]") {
  Setup setup;
  setup.nodes(europe).joining("10m");
  Cluster cluster(setup);
  files(cluster, 1);
  const std::vector<std::string> owners = cluster.owners("eu", "/f0");
  cluster.get(owners[2], "/f0").expect(200);
  REQUIRE(cluster.metric(owners[0], Metric::joining_asked) == 1);
  REQUIRE(cluster.metric(owners[0], Metric::joining_found) == 0);
  REQUIRE(cluster.metric(owners[1], Metric::upstream_requests_peer) == 0);
  REQUIRE(cluster.metric(owners[1], Metric::upstream_requests_origin) == 0);
  REQUIRE(cluster.origin().count("GET", "/f0") == 1);
  REQUIRE(cluster.metric(Metric::peer_fallbacks) == 0);
}

TEST_CASE("an owner before that hangs costs a quarter of a second", "[node][cluster][joining][failure]") {
  Cluster cluster(Setup().nodes(europe).joining("10m"));
  files(cluster, 1);
  const std::vector<std::string> owners = cluster.owners("eu", "/f0");
  cluster.world().partition(owners[0], owners[1]);
  TestConnection& client = cluster.ask(owners[0], "/f0");
  cluster.advance(300ms);
  REQUIRE(client.answers() == 1);
  Reply(client.answer(0)).expect(200).body("content of /f0");
}

TEST_CASE("stale content of the owner before is no answer", "[node][cluster][joining]") {
  Setup setup;
  setup.nodes(europe).joining("10m");
  Cluster cluster(setup);
  cluster.origin().on("/a").reply(200).max_age(10).body("old");
  const std::vector<std::string> owners = cluster.owners("eu", "/a");
  cluster.crash(owners[0]);
  cluster.get(owners[1], "/a").expect(200).body("old");
  cluster.origin().on("/a").reply(200).max_age(10).body("new");
  cluster.advance(20s);
  cluster.restart(setup, owners[0]);
  cluster.get(owners[0], "/a").expect(200).body("new");
}

TEST_CASE("two nodes that have both just started do not wait for each other", "[node][cluster][joining]") {
  Cluster cluster(Setup().nodes({"eu-1", "eu-2"}).joining("10m"));
  cluster.origin().on("/a").reply(200).max_age(600).delay(2s).body("hello");
  TestConnection& one = cluster.ask("eu-1", "/a");
  TestConnection& two = cluster.ask("eu-2", "/a");
  cluster.advance(2100ms);
  REQUIRE(one.answers() == 1);
  REQUIRE(two.answers() == 1);
  REQUIRE(cluster.origin().count("GET", "/a") == 1);
}

TEST_CASE("who asks is not asked back, though it was the owner before", "[node][cluster][joining]") {
  for (const bool asked_by_it : {true, false}) {
    INFO(asked_by_it);
    Setup setup;
    setup.nodes(europe).joining("10m");
    Cluster cluster(setup);
    const std::vector<std::string> paths = files(cluster, 60);
    std::vector<std::string> before;
    for (const std::string& path : paths) before.push_back(cluster.owners("eu", path)[0]);
    add_fourth(cluster);
    size_t moved = 0;
    for (size_t i = 0; i < paths.size(); ++i) {
      // eu-4 has just started: who owned it before is the second owner now.
      const std::vector<std::string> owners = cluster.owners("eu", paths[i]);
      if (owners[0] != "eu-4" || owners[1] != before[i]) continue;
      ++moved;
      cluster.get(asked_by_it ? before[i] : owners[2], paths[i]).expect(200);
    }
    REQUIRE(moved > 3);
    REQUIRE(cluster.metric("eu-4", Metric::joining_asked) == (asked_by_it ? 0 : moved));
    REQUIRE(cluster.origin().requests().size() == moved);
  }
}

TEST_CASE("being told that it is not stored costs no connection", "[node][cluster][joining]") {
  Setup setup;
  setup.nodes(europe).joining("10m");
  Cluster cluster(setup);
  const std::vector<std::string> paths = files(cluster, 40);
  size_t asked = 0;
  for (const std::string& path : paths) {
    if (cluster.owners("eu", path)[0] != "eu-1") continue;
    ++asked;
    cluster.get("eu-1", path).expect(200);
  }
  REQUIRE(cluster.metric("eu-1", Metric::joining_asked) == asked);
  REQUIRE(cluster.metric("eu-1", Metric::joining_found) == 0);
  REQUIRE(asked > 5);
  // To the origin, and to each of the two who were owners before.
  REQUIRE(cluster.metric("eu-1", Metric::upstream_connects) == 3);
}

}  // namespace
}  // namespace perigee::test
