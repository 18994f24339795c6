// Another configuration, and the end, under requests that run.
#include <catch2/catch_test_macros.hpp>

#include "tests/node/support/cluster.h"

namespace perigee::test {
namespace {

using namespace std::chrono_literals;

Setup second_origin() { return Setup().origin("servers = [\"10.9.0.2:80\"]\n"); }

TEST_CASE("a reload moves new requests and leaves running ones", "[node][reload]") {
  Cluster cluster;
  ScriptedOrigin& other = cluster.add_origin("other", "10.9.0.2:80");
  cluster.origin().on("/a").reply(200).delay(5s).body("old");
  other.on("/a").reply(200).body("new");
  other.on("/b").reply(200).body("new");
  TestConnection& running = cluster.ask("eu-1", "/a");
  TestConnection& kept = cluster.ask("eu-1", "/b");
  cluster.run_until([&] { return kept.answers() == 1; });

  cluster.files("eu-1").put(std::string(Cluster::node_path), Cluster::node_file(second_origin(), "eu-1"));
  const control::ReloadResult result = cluster.node("eu-1").reload();
  REQUIRE(result.applied);
  REQUIRE(result.errors.empty());
  cluster.run();
  kept.request("GET", "/b", default_host);
  cluster.run_until([&] { return kept.answers() == 2; });
  Reply(kept.answer(1)).expect(200).body("new");
  REQUIRE(running.answers() == 0);
  cluster.run_until([&] { return running.answers() == 1; });
  Reply(running.answer(0)).expect(200).body("old");
  REQUIRE(cluster.metric(Metric::reloads_ok) == 1);
}

TEST_CASE("a site's cache settings change with a reload", "[node][reload]") {
  Cluster cluster;
  cluster.origin().on("/a").reply(200).body("x");
  cluster.get("eu-1", "/a").expect(200);
  cluster.get("eu-1", "/a").expect(200).forwarded("miss");
  const Setup longer = Setup().site("[site.cache]\ndefault_freshness = \"1h\"\n");
  cluster.files("eu-1").put(std::string(Cluster::node_path), Cluster::node_file(longer, "eu-1"));
  REQUIRE(cluster.node("eu-1").reload().applied);
  cluster.run();
  cluster.advance(121s);
  cluster.get("eu-1", "/a").expect(200);
  cluster.get("eu-1", "/a").expect(200).hit();
}

TEST_CASE("a broken file is refused with its place, and the old one stays", "[node][reload]") {
  Cluster cluster;
  cluster.origin().on("/a").reply(200).body("x");
  std::string broken = Cluster::node_file(Setup(), "eu-1");
  broken += "colour = \"red\"\n";
  const auto line = std::count(broken.begin(), broken.end(), '\n');
  cluster.files("eu-1").put(std::string(Cluster::node_path), broken);
  const control::ReloadResult result = cluster.node("eu-1").reload();
  REQUIRE(!result.applied);
  REQUIRE(result.errors.size() == 1);
  const std::string place = std::string(Cluster::node_path) + ":" + std::to_string(line) + ":";
  REQUIRE(result.errors[0].to_string().starts_with(place));
  REQUIRE(cluster.log("eu-1").count("reload_refused") == 1);
  REQUIRE(cluster.metric(Metric::reloads_refused) == 1);
  cluster.run();
  cluster.get("eu-1", "/a").expect(200).body("x");
}

TEST_CASE("a change that needs a restart is refused by name", "[node][reload]") {
  Cluster cluster;
  const std::string changed = Cluster::node_file(Setup().workers(2), "eu-1");
  cluster.files("eu-1").put(std::string(Cluster::node_path), changed);
  const control::ReloadResult result = cluster.node("eu-1").reload();
  REQUIRE(!result.applied);
  REQUIRE(result.errors.size() == 1);
  REQUIRE(result.errors[0].to_string().find("node.workers") != std::string::npos);
}

TEST_CASE("a file that cannot be read is refused", "[node][reload]") {
  Cluster cluster;
  cluster.files("eu-1").remove(std::string(Cluster::node_path));
  REQUIRE(!cluster.node("eu-1").reload().applied);
  cluster.origin().on("/a").reply(200).body("x");
  cluster.get("eu-1", "/a").expect(200);
}

TEST_CASE("many reloads under load answer everybody", "[node][reload]") {
  Cluster cluster(Setup().workers(2));
  cluster.add_origin("other", "10.9.0.2:80").on("/a").reply(200).delay(200ms).body("x");
  cluster.origin().on("/a").reply(200).delay(200ms).body("x");
  std::vector<TestConnection*> clients;
  for (int i = 0; i < 40; ++i) {
    clients.push_back(&cluster.ask("eu-1", "/a"));
    const Setup setup = (i % 2 == 0 ? second_origin() : Setup()).workers(2);
    cluster.files("eu-1").put(std::string(Cluster::node_path), Cluster::node_file(setup, "eu-1"));
    cluster.node("eu-1").reload();
    cluster.advance(50ms);
  }
  cluster.advance(5s);
  for (const TestConnection* client : clients) {
    REQUIRE(client->answers() == 1);
    Reply(client->answer(0)).expect(200).body("x");
  }
  REQUIRE(cluster.metric(Metric::reloads_ok) == 40);
}

TEST_CASE("drain finishes what runs, takes nothing new, and says when it is over", "[node][drain]") {
  for (const unsigned workers : {1u, 3u}) {
    Cluster cluster(Setup().workers(workers));
    cluster.origin().on("/a").reply(200).max_age(60).rate(100'000).body(std::string(300'000, 'x'));
    TestConnection& idle = cluster.ask("eu-1", "/b");
    TestConnection& running = cluster.ask("eu-1", "/a");
    cluster.run_until([&] { return running.partial().body.size() > 50'000 && idle.answers() == 1; });
    bool drained = false;
    cluster.node("eu-1").drain([&] { drained = true; });
    cluster.run();
    REQUIRE(!drained);
    REQUIRE(idle.ended());
    TestConnection& late = cluster.ask("eu-1", "/b");
    cluster.run();
    REQUIRE(late.answers() == 0);
    REQUIRE(late.ended());
    cluster.run_until([&] { return running.answers() == 1; });
    Reply(running.answer(0)).expect(200).body(std::string(300'000, 'x'));
    cluster.run_until([&] { return drained; });
  }
}

TEST_CASE("drain cuts what is not over at its deadline", "[node][drain]") {
  Cluster cluster(Setup().tables("[timeouts]\ndrain = \"5s\"\n"));
  cluster.origin().on("/a").reply(200).max_age(60).rate(10'000).body(std::string(300'000, 'x'));
  TestConnection& running = cluster.ask("eu-1", "/a");
  cluster.run_until([&] { return running.partial().body.size() > 5'000; });
  bool drained = false;
  cluster.node("eu-1").drain([&] { drained = true; });
  cluster.advance(4900ms);
  REQUIRE(!drained);
  cluster.advance(200ms);
  REQUIRE(drained);
  REQUIRE(running.answers() == 1);
  REQUIRE(!running.answer(0).complete);
}

TEST_CASE("a node that drains keeps no connection that has nothing to do", "[node][drain]") {
  Cluster cluster;
  cluster.origin().on("/a").reply(200).delay(2s).body("x");
  TestConnection& running = cluster.ask("eu-1", "/a");
  cluster.get("eu-1", "/b").expect(404);
  REQUIRE(running.answers() == 0);
  REQUIRE(cluster.origin().connections() == 2);
  cluster.node("eu-1").drain([] {});
  cluster.run();
  REQUIRE(cluster.origin().connections() == 1);
  cluster.run_until([&] { return running.answers() == 1; });
  Reply(running.answer(0)).expect(200).body("x");
  cluster.run();
  REQUIRE(cluster.origin().connections() == 0);
}

TEST_CASE("what is validated in the background while a node drains leaves no connection behind",
          "[node][drain]") {
  Cluster cluster;
  const auto script = [&]() -> Script& {
    return cluster.origin()
        .on("/a")
        .reply(200)
        .field("cache-control", "max-age=1, stale-while-revalidate=60")
        .etag("\"1\"")
        .body("x");
  };
  script();
  cluster.get("eu-1", "/a").expect(200);
  cluster.advance(3s);
  script().delay(2s);
  cluster.get("eu-1", "/a").expect(200).hit();
  bool drained = false;
  cluster.node("eu-1").drain([&] { drained = true; });
  cluster.run();
  REQUIRE(drained);
  REQUIRE(cluster.node("eu-1").fills_in_flight() == 1);
  REQUIRE(cluster.origin().connections() == 1);
  cluster.run_until([&] { return cluster.node("eu-1").fills_in_flight() == 0; });
  cluster.run();
  REQUIRE(cluster.origin().connections() == 0);
}

}  // namespace
}  // namespace perigee::test
