// One cache: what an unsafe method invalidates at one node is forgotten by all, before its answer.

#include <catch2/catch_test_macros.hpp>

#include "tests/node/support/cluster.h"

namespace perigee::test {
namespace {

using namespace std::chrono_literals;

const std::vector<std::string> europe = {"eu-1", "eu-2", "eu-3"};
const std::vector<std::string> world = {"eu-1", "eu-2", "eu-3", "us-1", "us-2"};

Script& content(Cluster& cluster, const std::string& path, const std::string& text) {
  return cluster.origin().on(path).reply(200).max_age(600).body(text);
}

TEST_CASE("after a PUT through one node no node serves what was there before",
          "[node][cluster][invalidation]") {
  Cluster cluster(Setup().nodes(europe));
  for (int round = 0; round < 30; ++round) {
    const std::string path = "/f" + std::to_string(round % 5);
    const std::string text = "version " + std::to_string(round);
    content(cluster, path, text);
    const size_t writer = static_cast<size_t>(round) % 3;
    cluster.request(europe[writer], "PUT", path, {}, "new").expect(200);
    cluster.get(europe[(writer + 1) % 3], path).expect(200).body(text);
    cluster.get(europe[(writer + 2) % 3], path).expect(200).body(text);
    cluster.get(europe[writer], path).expect(200).body(text);
  }
  REQUIRE(cluster.metric(Metric::invalidations_received) == 2 * 30);
  REQUIRE(cluster.metric(Metric::invalidations_late) == 0);
}

TEST_CASE("an invalidation reaches the shield's owner and the other region's",
          "[node][cluster][invalidation]") {
  Cluster cluster(Setup().nodes(world).site("shield = \"eu\"\n"));
  content(cluster, "/a", "old");
  for (const std::string& node : world) cluster.get(node, "/a").expect(200).body("old");
  content(cluster, "/a", "new");
  cluster.request("us-1", "PUT", "/a", {}, "x").expect(200);
  for (const std::string& node : world) cluster.get(node, "/a").expect(200).body("new");
}

TEST_CASE("Location and Content-Location of the same origin are forgotten everywhere",
          "[node][cluster][invalidation]") {
  Cluster cluster(Setup().nodes(europe));
  const std::vector<std::string> paths = {"/list", "/item", "/other"};
  for (const std::string& path : paths) content(cluster, path, "old");
  for (const std::string& path : paths) cluster.get("eu-3", path).expect(200).body("old");
  cluster.origin()
      .on("/form")
      .reply(201)
      .field("location", "/item")
      .field("content-location", "http://a.example/list")
      .body("done");
  for (const std::string& path : paths) content(cluster, path, "new");
  cluster.request("eu-1", "POST", "/form", {}, "x").expect(201);
  for (const std::string& node : europe) {
    cluster.get(node, "/list").expect(200).body("new");
    cluster.get(node, "/item").expect(200).body("new");
    cluster.get(node, "/other").expect(200).body("old");
  }
}

TEST_CASE("an error to an unsafe method, and a safe one, invalidate nothing anywhere",
          "[node][cluster][invalidation]") {
  Cluster cluster(Setup().nodes(europe));
  content(cluster, "/a", "old");
  cluster.get("eu-2", "/a").expect(200);
  cluster.origin().on("/a").reply(403).body("no");
  cluster.request("eu-1", "PUT", "/a", {}, "x").expect(403);
  cluster.request("eu-1", "OPTIONS", "/a").expect(403);
  REQUIRE(cluster.metric(Metric::invalidations_sent) == 0);
  cluster.get("eu-3", "/a").expect(200).body("old");
}

TEST_CASE("what the owner had asked for before an invalidation is neither stored nor given to later requests",
          "[node][cluster][invalidation]") {
  for (const unsigned workers : {1u, 2u}) {
    Cluster cluster(Setup().nodes(europe).workers(workers));
    const std::vector<std::string> owners = cluster.owners("eu", "/a");
    content(cluster, "/a", "old").delay(2s);
    TestConnection& early = cluster.ask(owners[2], "/a");
    TestConnection& other = cluster.ask(owners[1], "/a");
    cluster.advance(1s);
    content(cluster, "/a", "new");
    cluster.request(owners[2], "PUT", "/a", {}, "x").expect(200);
    // The old fetch is still under way at the owner, and relayed by the two others.
    for (const std::string& node : owners) cluster.get(node, "/a").expect(200).body("new");
    cluster.run_until([&] { return early.answers() == 1 && other.answers() == 1; });
    Reply(early.answer(0)).expect(200).body("old");
    for (const std::string& node : owners) cluster.get(node, "/a").expect(200).body("new").body("new");
  }
}

TEST_CASE("a validation that was under way does not bring back what was invalidated",
          "[node][cluster][invalidation]") {
  Cluster cluster(Setup().nodes(europe));
  const std::string owner = cluster.owners("eu", "/a")[0];
  cluster.origin().on("/a").reply(200).max_age(1).etag("\"1\"").body("old");
  cluster.get(owner, "/a").expect(200);
  cluster.advance(5s);
  cluster.origin().on("/a").reply(200).max_age(600).etag("\"1\"").delay(2s).body("old");
  TestConnection& early = cluster.ask(owner, "/a");
  cluster.advance(1s);
  cluster.origin().on("/a").reply(200).max_age(600).etag("\"2\"").body("new");
  cluster.request("eu-1", "PUT", "/a", {}, "x").expect(200);
  cluster.run_until([&] { return early.answers() == 1; });
  for (const std::string& node : europe) cluster.get(node, "/a").expect(200).body("new");
}

TEST_CASE("runs and variants that were under way are not stored either", "[node][cluster][invalidation]") {
  Cluster cluster(Setup().nodes(europe));
  const std::string owner = cluster.owners("eu", "/a")[0];
  const std::string old_body(300'000, 'o');
  const std::string new_body(300'000, 'n');
  cluster.origin().on("/a").reply(200).max_age(600).etag("\"1\"").delay(2s).body(old_body);
  TestConnection& part = cluster.ask(owner, "/a", {{"range", "bytes=70000-70009"}});
  cluster.advance(1s);
  cluster.origin().on("/a").reply(200).max_age(600).etag("\"2\"").body(new_body);
  cluster.request("eu-1", "PUT", "/a", {}, "x").expect(200);
  for (const std::string& node : europe) {
    cluster.get(node, "/a", {{"range", "bytes=70000-70009"}}).expect(206).body(new_body.substr(0, 10));
  }
  cluster.run_until([&] { return part.answers() == 1; });
  for (const std::string& node : europe) cluster.get(node, "/a").expect(200).body(new_body);
}

TEST_CASE("a node that does not answer holds an unsafe request up for a tenth of a second, and is counted",
          "[node][cluster][invalidation][failure]") {
  Cluster cluster(Setup().nodes(europe));
  content(cluster, "/a", "old");
  for (const std::string& node : europe) cluster.get(node, "/a").expect(200);
  content(cluster, "/a", "new");
  cluster.world().partition("eu-1", "eu-2");
  TestConnection& writer = cluster.connect("eu-1");
  writer.request("PUT", "/a", default_host, {}, "x");
  cluster.advance(90ms);
  REQUIRE(writer.answers() == 0);
  cluster.advance(20ms);
  REQUIRE(writer.answers() == 1);
  REQUIRE(cluster.metric("eu-1", Metric::invalidations_late) == 1);
  // It hears of it when it can be reached again.
  cluster.world().heal("eu-1", "eu-2");
  cluster.advance(10s);
  REQUIRE(cluster.metric("eu-1", Metric::invalidations_lost) == 0);
  for (const std::string& node : europe) cluster.get(node, "/a").expect(200).body("new");
}

TEST_CASE("a node that was not told hears of an invalidation with the next question",
          "[node][cluster][invalidation][failure]") {
  Cluster cluster(Setup().nodes(europe));
  const std::vector<std::string> owners = cluster.owners("eu", "/a");
  content(cluster, "/a", "old");
  for (const std::string& node : europe) cluster.get(node, "/a").expect(200).body("old");
  content(cluster, "/a", "new");
  // The writer cannot reach the owner; the third node reaches both.
  cluster.world().partition(owners[1], owners[0]);
  TestConnection& writer = cluster.connect(owners[1]);
  writer.request("PUT", "/a", default_host, {}, "x");
  cluster.advance(110ms);
  REQUIRE(writer.answers() == 1);
  cluster.get(owners[2], "/a").expect(200).body("new");
  cluster.get(owners[0], "/a").expect(200).body("new");
  REQUIRE(cluster.metric(owners[0], Metric::invalidations_received) == 1);
}

TEST_CASE("a node that crashed is not waited for longer than a connect, and gives up in the end",
          "[node][cluster][invalidation][failure]") {
  Cluster cluster(Setup().nodes(europe));
  content(cluster, "/a", "new");
  cluster.crash("eu-3");
  cluster.request("eu-1", "PUT", "/a", {}, "x").expect(200);
  cluster.get("eu-2", "/a").expect(200).body("new");
  cluster.advance(30s);
  REQUIRE(cluster.metric("eu-1", Metric::invalidations_lost) == 1);
  REQUIRE(cluster.metric("eu-1", Metric::invalidations_sent) == 1 + 4);
}

TEST_CASE("the client of an unsafe request may leave while others are told",
          "[node][cluster][invalidation]") {
  Cluster cluster(Setup().nodes(europe));
  content(cluster, "/a", "old");
  for (const std::string& node : europe) cluster.get(node, "/a").expect(200);
  content(cluster, "/a", "new");
  cluster.world().set_delay("eu-1", "eu-2", 50ms);
  TestConnection& writer = cluster.connect("eu-1");
  writer.request("DELETE", "/a", default_host);
  cluster.advance(10ms);
  REQUIRE(writer.answers() == 0);
  writer.close();
  cluster.advance(500ms);
  for (const std::string& node : europe) cluster.get(node, "/a").expect(200).body("new");
}

TEST_CASE("an answer to POST that may be stored is stored after what it invalidates",
          "[node][cluster][invalidation]") {
  Cluster cluster(Setup().nodes(europe));
  cluster.origin().on("/a").reply(200).max_age(600).field("content-location", "/a").body("posted");
  cluster.request("eu-1", "POST", "/a", {}, "x").expect(200).body("posted");
  cluster.get("eu-1", "/a").expect(200).hit().body("posted");
}

TEST_CASE("where nothing is stored nobody is told", "[node][cluster][invalidation]") {
  Cluster cluster(Setup().nodes(europe).site("[[site.rule]]\npath_prefix = \"/api/\"\nbypass = true\n"));
  cluster.origin().on("/api/a").reply(200).body("done");
  cluster.request("eu-1", "POST", "/api/a", {}, "x").expect(200);
  REQUIRE(cluster.metric(Metric::invalidations_sent) == 0);
  // What such an answer names is forgotten all the same.
  content(cluster, "/page", "old");
  cluster.get("eu-2", "/page").expect(200).body("old");
  content(cluster, "/page", "new");
  cluster.origin().on("/api/a").reply(200).field("location", "/page").body("done");
  cluster.request("eu-1", "POST", "/api/a", {}, "x").expect(200);
  for (const std::string& node : europe) cluster.get(node, "/page").expect(200).body("new");
}

TEST_CASE("invalidations of a stranger, or of a client, are refused", "[node][cluster][invalidation]") {
  Cluster cluster(Setup().nodes(europe));
  content(cluster, "/a", "old");
  for (const std::string& node : europe) cluster.get(node, "/a").expect(200);
  const std::string field =
      "v=1;tier=region;hop=1;digest=0123456789abcdef;deadline_ms=1000;from=eu-1;inv=0000000000000001";
  TestConnection& stranger = cluster.connect("eu-2", 81);
  stranger.request("POST", "http://a.example/a", default_host, {{"perigee-peer", field}}, "");
  cluster.run_until([&] { return stranger.answers() == 1; });
  Reply(stranger.answer(0)).expect(403);
  cluster.get("eu-2", "/a", {{"perigee-peer", field}}).expect(200).body("old");
  REQUIRE(cluster.metric(Metric::invalidations_received) == 0);
}

}  // namespace
}  // namespace perigee::test
