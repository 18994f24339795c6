// What nodes read in each other's answers, and probes.

#include <fmt/format.h>

#include <catch2/catch_test_macros.hpp>

#include "tests/node/support/cluster.h"
#include "tests/node/support/topology_page.h"

namespace perigee::test {
namespace {

using namespace std::chrono_literals;

const std::vector<std::string> europe = {"eu-1", "eu-2", "eu-3"};

// Paths of "/f0", "/f1", ... whose first owner is that node.
std::vector<std::string> paths_of(const Cluster& cluster, const std::string& owner, size_t count) {
  std::vector<std::string> paths;
  for (int i = 0; paths.size() < count; ++i) {
    const std::string path = "/f" + std::to_string(i);
    if (cluster.owners("eu", path)[0] == owner) paths.push_back(path);
  }
  return paths;
}

void serve_all(Cluster& cluster, const std::vector<std::string>& paths) {
  for (const std::string& path : paths) cluster.origin().on(path).reply(200).max_age(600).body("hello");
}

TEST_CASE("a peer that says it drains is passed over from its first such answer on",
          "[node][cluster][drain]") {
  Cluster cluster(Setup().nodes(europe));
  const std::vector<std::string> paths = paths_of(cluster, "eu-2", 6);
  serve_all(cluster, paths);
  cluster.take_out("eu-2", true);
  cluster.get("eu-1", paths[0]).expect(200);
  REQUIRE(cluster.metric("eu-2", Metric::peer_requests) == 1);
  for (size_t i = 1; i < 4; ++i) cluster.get("eu-1", paths[i]).expect(200);
  REQUIRE(cluster.metric("eu-2", Metric::upstream_requests_origin) == 1);
  REQUIRE(seen(cluster, "eu-1", "eu-2")["state"] == "draining");
  REQUIRE(cluster.metric(Metric::upstream_failures_peer) == 0);
  // It has come back, which is heard of at the latest half a minute later.
  cluster.take_out("eu-2", false);
  cluster.advance(31s);
  cluster.get("eu-1", paths[4]).expect(200);
  REQUIRE(cluster.metric("eu-2", Metric::upstream_requests_origin) == 2);
  REQUIRE(seen(cluster, "eu-1", "eu-2")["state"] == "up");
}

TEST_CASE("who stands in for an owner that drains gets from it what it has", "[node][cluster][drain]") {
  Cluster cluster(Setup().nodes(europe));
  const std::vector<std::string> paths = paths_of(cluster, "eu-2", 8);
  serve_all(cluster, paths);
  for (const std::string& path : paths) cluster.get("eu-1", path).expect(200);
  cluster.take_out("eu-2", true);
  for (int pass = 0; pass < 2; ++pass) {
    for (const std::string& path : paths) {
      for (const std::string& node : europe) cluster.get(node, path).expect(200).body("hello");
    }
  }
  REQUIRE(cluster.origin().requests().size() == paths.size());
}

TEST_CASE("probes tell of draining and of its end within seconds", "[node][cluster][drain][probe]") {
  Cluster cluster(Setup().nodes(europe).probe("1s"));
  cluster.take_out("eu-2", true);
  cluster.advance(2s);
  REQUIRE(seen(cluster, "eu-1", "eu-2")["state"] == "draining");
  cluster.advance(60s);
  REQUIRE(seen(cluster, "eu-1", "eu-2")["state"] == "draining");
  cluster.take_out("eu-2", false);
  cluster.advance(2s);
  REQUIRE(seen(cluster, "eu-1", "eu-2")["state"] == "up");
  REQUIRE(cluster.metric(Metric::peer_requests) == 0);
}

TEST_CASE("answers of a peer that sees another cluster are used, counted and shown",
          "[node][cluster][digest]") {
  Cluster cluster(Setup().nodes(europe).disagrees("eu-2"));
  const std::vector<std::string> paths = paths_of(cluster, "eu-2", 1);
  serve_all(cluster, paths);
  cluster.get("eu-1", paths[0]).expect(200).body("hello");
  REQUIRE(cluster.metric("eu-1", Metric::peer_disagreements) == 1);
  REQUIRE(seen(cluster, "eu-1", "eu-2")["seen"]["agrees"] == false);
  REQUIRE(seen(cluster, "eu-1", "eu-3")["seen"]["agrees"] == true);
}

TEST_CASE("an owner that works on far more than the others is passed over for the next",
          "[node][cluster][load]") {
  Cluster cluster(Setup().nodes(europe));
  const std::vector<std::string> slow = paths_of(cluster, "eu-2", 60);
  for (const std::string& path : slow)
    cluster.origin().on(path).reply(200).max_age(600).delay(4s).body("slow");
  for (size_t i = 0; i < 40; ++i) cluster.ask(i % 2 == 0 ? "eu-1" : "eu-3", slow[i]);
  cluster.advance(1s);
  // Its interim answers say nothing; its next answer from the store does.
  cluster.origin().on("/known").reply(200).max_age(600).body("known");
  std::string known = "/known";
  for (int i = 0; cluster.owners("eu", known)[0] != "eu-2"; ++i) known = "/known" + std::to_string(i);
  cluster.origin().on(known).reply(200).max_age(600).body("known");
  cluster.get("eu-2", known).expect(200);
  cluster.get("eu-1", known).expect(200);
  REQUIRE(seen(cluster, "eu-1", "eu-2")["seen"]["in_flight"] == 40);
  REQUIRE(cluster.metric("eu-1", Metric::peer_load_skips) == 0);
  const uint64_t before = cluster.metric("eu-2", Metric::peer_requests);
  cluster.ask("eu-1", slow[50]);
  cluster.run();
  REQUIRE(cluster.metric("eu-1", Metric::peer_load_skips) == 1);
  REQUIRE(cluster.metric("eu-2", Metric::peer_requests) == before);
  // When its work is done it is an owner like before.
  cluster.advance(30s);
  cluster.get("eu-1", slow[51]).expect(200);
  REQUIRE(cluster.metric("eu-1", Metric::peer_load_skips) == 1);
  REQUIRE(cluster.metric("eu-2", Metric::peer_requests) == before + 1);
}

TEST_CASE("a node that nobody asks anything is found dead, and alive again, by probes",
          "[node][cluster][probe]") {
  Setup setup;
  setup.nodes(europe).probe("1s");
  Cluster cluster(setup);
  cluster.advance(3s);
  REQUIRE(cluster.metric("eu-1", Metric::peer_probes) >= 4);
  REQUIRE(cluster.metric(Metric::peer_probes_failed) == 0);
  cluster.crash("eu-3");
  cluster.advance(8s);
  REQUIRE(seen(cluster, "eu-1", "eu-3")["state"] == "ejected");
  REQUIRE(seen(cluster, "eu-2", "eu-3")["state"] == "ejected");
  // No real request is spent on finding out that it is still dead.
  cluster.advance(120s);
  REQUIRE(seen(cluster, "eu-1", "eu-3")["state"] == "ejected");
  cluster.restart(setup, "eu-3");
  cluster.advance(6s);
  REQUIRE(seen(cluster, "eu-1", "eu-3")["state"] == "up");
  REQUIRE(seen(cluster, "eu-2", "eu-3")["state"] == "up");
}

TEST_CASE("two nodes that have ejected each other find back by probes", "[node][cluster][probe]") {
  Cluster cluster(Setup().nodes({"eu-1", "eu-2"}).probe("1s"));
  cluster.world().partition("eu-1", "eu-2");
  cluster.advance(12s);
  REQUIRE(seen(cluster, "eu-1", "eu-2")["state"] == "ejected");
  REQUIRE(seen(cluster, "eu-2", "eu-1")["state"] == "ejected");
  cluster.world().heal("eu-1", "eu-2");
  cluster.advance(6s);
  REQUIRE(seen(cluster, "eu-1", "eu-2")["state"] == "up");
  REQUIRE(seen(cluster, "eu-2", "eu-1")["state"] == "up");
}

TEST_CASE("an outcome that comes after a reload has moved the nodes is counted for the node it is about",
          "[node][cluster][reload]") {
  Setup setup;
  setup.nodes(europe);
  Cluster cluster(setup);
  // eu-2 hangs: five requests to it end after a second, when the topology has one node less before it.
  const std::vector<std::string> paths = paths_of(cluster, "eu-2", 5);
  serve_all(cluster, paths);
  cluster.world().partition("eu-3", "eu-2");
  for (const std::string& path : paths) cluster.ask("eu-3", path);
  cluster.advance(20ms);
  Setup smaller;
  smaller.nodes({"eu-2", "eu-3"});
  cluster.files("eu-3").put("/etc/topology.toml", Cluster::topology_file(smaller));
  REQUIRE(cluster.node("eu-3").reload().applied);
  cluster.advance(3s);
  REQUIRE(cluster.metric("eu-3", Metric::peer_ejections) == 1);
  REQUIRE(seen(cluster, "eu-3", "eu-2")["state"] == "ejected");
  REQUIRE(seen(cluster, "eu-3", "eu-2")["seen"]["failed"] == 5);
}

TEST_CASE("an idle upstream connection is closed in its time", "[node][upstream]") {
  Cluster cluster(Setup().tables("[timeouts]\nupstream_idle = \"5s\"\n"));
  for (const char* path : {"/a", "/b", "/c"}) cluster.origin().on(path).reply(200).body("hello");
  cluster.get("eu-1", "/a").expect(200);
  cluster.advance(4s);
  cluster.get("eu-1", "/b").expect(200);
  REQUIRE(cluster.metric(Metric::upstream_connects) == 1);
  cluster.advance(6s);
  cluster.get("eu-1", "/c").expect(200);
  REQUIRE(cluster.metric(Metric::upstream_connects) == 2);
  REQUIRE(cluster.metric(Metric::upstream_retries) == 0);
}

TEST_CASE("a body that stalls at a peer is given up in the peer's time, not the origin's",
          "[node][cluster]") {
  Cluster cluster(Setup()
                      .nodes(europe)
                      .peers("idle_body = \"2s\"\n")
                      .origin("servers = [\"10.9.0.1:80\"]\nidle_body_timeout = \"60s\"\n"));
  const std::vector<std::string> owners = cluster.owners("eu", "/a");
  cluster.origin().on("/a").reply(200).max_age(600).etag("\"1\"").rate(100'000).body(
      std::string(300'000, 'x'));
  TestConnection& client = cluster.ask(owners[2], "/a");
  cluster.run_until([&] { return client.partial().body.size() > 50'000; });
  cluster.world().partition(owners[2], owners[0]);
  cluster.advance(6s);
  REQUIRE(client.answers() == 1);
  Reply(client.answer(0)).expect(200).body(std::string(300'000, 'x'));
}

TEST_CASE("content that stops coming at the origin is no failure of the peer that passes it on",
          "[node][cluster]") {
  Cluster cluster(Setup().nodes(europe));
  const std::vector<std::string> owners = cluster.owners("eu", "/a");
  cluster.origin().on("/a").reply(200).max_age(600).etag("\"1\"").rate(100'000).body(
      std::string(300'000, 'x'));
  TestConnection& client = cluster.ask(owners[2], "/a");
  cluster.run_until([&] { return client.partial().body.size() > 50'000; });
  // Until the owner has given up what was under way, and asks anew.
  cluster.world().partition(owners[0], "origin");
  cluster.advance(15'500ms);
  cluster.world().heal(owners[0], "origin");
  cluster.advance(12s);
  REQUIRE(client.answers() == 1);
  Reply(client.answer(0)).expect(200).body(std::string(300'000, 'x'));
  // The owner has gone on for all.
  REQUIRE(cluster.origin().count("GET", "/a") == 2);
  REQUIRE(cluster.metric(owners[2], Metric::upstream_failures_peer) == 0);
  REQUIRE(cluster.metric(Metric::peer_fallbacks) == 0);
}

TEST_CASE("however much content of a slow origin stalls at a peer, the peer is not ejected",
          "[node][cluster]") {
  Cluster cluster(Setup()
                      .nodes(europe)
                      .peers("idle_body = \"2s\"\n")
                      .origin("servers = [\"10.9.0.1:80\"]\nidle_body_timeout = \"60s\"\n"));
  const std::vector<std::string> paths = paths_of(cluster, "eu-2", 12);
  std::vector<TestConnection*> clients;
  for (const std::string& path : paths) {
    cluster.origin().on(path).reply(200).max_age(600).etag("\"1\"").rate(100'000).body(
        std::string(300'000, 'x'));
    clients.push_back(&cluster.ask("eu-1", path));
  }
  cluster.run_until([&] { return clients.back()->partial().body.size() > 50'000; });
  cluster.world().partition("eu-2", "origin");
  cluster.advance(8s);
  REQUIRE(cluster.metric("eu-1", Metric::upstream_failures_peer) >= 5);
  REQUIRE(cluster.metric("eu-1", Metric::peer_ejections) == 0);
  REQUIRE(seen(cluster, "eu-1", "eu-2")["state"] == "up");
  for (TestConnection* client : clients) {
    REQUIRE(client->answers() == 1);
    Reply(client->answer(0)).expect(200).body(std::string(300'000, 'x'));
  }
}

}  // namespace
}  // namespace perigee::test
