// Cache groups (RFC 9875) on whole nodes: what an unsafe request invalidates, where, and when.
#include <catch2/catch_test_macros.hpp>

#include "tests/node/support/cluster.h"

namespace perigee::test {
namespace {

using namespace std::chrono_literals;

const std::vector<std::string> world = {"eu-1", "eu-2", "us-1"};

void store(Cluster& cluster, const std::string& path, const std::string& groups, const Headers& host = {}) {
  cluster.origin().on(path).reply(200).max_age(600).field("cache-groups", groups).body("old");
  cluster.get("eu-1", path, host).expect(200);
  cluster.get("eu-1", path, host).hit();
}

void change(Cluster& cluster, std::string_view method, const std::string& groups, int status = 200) {
  cluster.origin().on("/change").reply(status).field("cache-group-invalidation", groups);
  cluster.request("eu-1", method, "/change").expect(status).field("cache-group-invalidation", groups);
}

bool is_stored(Cluster& cluster, const std::string& path) {
  return cluster.get("eu-1", path, {{"cache-control", "only-if-cached"}}).answer().status == 200;
}

}  // namespace

TEST_CASE("an unsafe request invalidates the groups that its answer names, and no others", "[node][groups]") {
  for (const std::string method : {"POST", "PUT", "DELETE", "PATCH", "LINK"}) {
    INFO(method);
    Cluster cluster;
    store(cluster, "/news", "\"news\", \"front\"");
    store(cluster, "/sport", "\"sport\";p=1");
    store(cluster, "/case", "\"News\"");
    store(cluster, "/none", "");
    change(cluster, method, "\"news\", \"elsewhere\"");
    CHECK_FALSE(is_stored(cluster, "/news"));
    CHECK(is_stored(cluster, "/sport"));
    CHECK(is_stored(cluster, "/case"));
    CHECK(is_stored(cluster, "/none"));
    change(cluster, method, "\"sport\"");
    CHECK_FALSE(is_stored(cluster, "/sport"));
    CHECK(cluster.metric(Metric::group_invalidations) == 2);
    CHECK(cluster.metric(Metric::group_invalidations_late) == 0);
    CHECK(cluster.metric(Metric::group_invalidations_failed) == 0);
  }
}

TEST_CASE("a safe request invalidates no group", "[node][groups]") {
  for (const std::string method : {"GET", "HEAD", "OPTIONS"}) {
    INFO(method);
    Cluster cluster;
    store(cluster, "/news", "\"news\"");
    change(cluster, method, "\"news\"");
    CHECK(is_stored(cluster, "/news"));
  }
}

TEST_CASE("an error may invalidate groups, too", "[node][groups]") {
  Cluster cluster;
  store(cluster, "/news", "\"news\"");
  change(cluster, "POST", "\"news\"", 409);
  CHECK_FALSE(is_stored(cluster, "/news"));
}

TEST_CASE("groups of another origin are untouched, whatever they are called", "[node][groups]") {
  Cluster cluster;
  cluster.origin().on("/a").reply(200).max_age(600).field("cache-groups", "\"news\"").body("old");
  const auto ask = [&](const std::string& host) {
    TestConnection& client = cluster.connect("eu-1");
    client.request("GET", "/a", host);
    cluster.run();
    return client.answer(0).hit();
  };
  for (const std::string host : {"a.example", "b.example", "a.example:8080"}) {
    CHECK_FALSE(ask(host));
    CHECK(ask(host));
  }
  change(cluster, "POST", "\"news\"");
  CHECK(ask("b.example"));
  CHECK(ask("a.example:8080"));
  CHECK_FALSE(ask("a.example"));
}

TEST_CASE("a field of groups that is no list of strings is ignored as a whole", "[node][groups]") {
  for (const std::string broken :
       {"news", "\"news\", sport", "\"news", "\"news\",", "(\"news\")", "\"news\" x"}) {
    INFO(broken);
    Cluster cluster;
    store(cluster, "/news", "\"news\"");
    change(cluster, "POST", broken);
    CHECK(is_stored(cluster, "/news"));
  }
  for (const std::string broken : {"news", "\"news\", sport", "\"news"}) {
    INFO(broken);
    Cluster cluster;
    store(cluster, "/news", broken);
    change(cluster, "POST", "\"news\"");
    CHECK(is_stored(cluster, "/news"));
  }
}

TEST_CASE("groups are compared as strings, not as they are written", "[node][groups]") {
  Cluster cluster;
  store(cluster, "/a", R"("a, \"b\" \\c")");
  store(cluster, "/b", "\"x\"");
  change(cluster, "POST", R"("x y",  "a, \"b\" \\c";q)");
  CHECK_FALSE(is_stored(cluster, "/a"));
  CHECK(is_stored(cluster, "/b"));
}

TEST_CASE("a group is a tag to an operator", "[node][groups][purge]") {
  Cluster cluster;
  store(cluster, "/news", R"("breaking \"news\"")");
  REQUIRE(cluster.purge("eu-1", R"({"tag": "breaking \"news\""})").status == 200);
  CHECK_FALSE(is_stored(cluster, "/news"));
  REQUIRE(cluster.purge("eu-1", R"({"group": "news"})").status == 422);
}

TEST_CASE("a fetch that was under way when its group was invalidated is not stored", "[node][groups]") {
  Cluster cluster;
  cluster.origin()
      .on("/news")
      .reply(200)
      .max_age(600)
      .delay(2s)
      .field("cache-groups", "\"news\"")
      .body("old");
  TestConnection& first = cluster.ask("eu-1", "/news");
  cluster.advance(1s);
  change(cluster, "POST", "\"news\"");
  cluster.run_until([&] { return first.answers() == 1; });
  Reply(first.answer(0)).expect(200).body("old");
  CHECK_FALSE(is_stored(cluster, "/news"));
}

TEST_CASE("every worker has applied it when the client has its answer", "[node][groups][workers]") {
  for (uint64_t seed = 1; seed <= 8; ++seed) {
    INFO(seed);
    Cluster cluster(Setup().workers(4).seed(seed));
    store(cluster, "/news", "\"news\"");
    change(cluster, "POST", "\"news\"");
    // Connections are spread over the workers.
    for (int i = 0; i < 8; ++i) CHECK_FALSE(is_stored(cluster, "/news"));
  }
}

TEST_CASE("the log of purges carries groups to every node before the client is answered",
          "[node][groups][cluster]") {
  for (const std::string& asked : world) {
    INFO(asked);
    Cluster cluster(Setup().nodes(world).purge_log("eu-1").tables("[purge]\njournal = \"purges\"\n"));
    cluster.origin().on("/news").reply(200).max_age(600).field("cache-groups", "\"news\"").body("old");
    for (int pass = 0; pass < 2; ++pass) {
      for (const std::string& node : world) cluster.get(node, "/news").expect(200);
    }
    cluster.origin().on("/news").reply(200).max_age(600).field("cache-groups", "\"news\"").body("new");
    cluster.origin().on("/change").reply(200).field("cache-group-invalidation", "\"news\"");
    cluster.request(asked, "POST", "/change").expect(200);
    CHECK(cluster.metric(Metric::group_invalidations_late) == 0);
    for (const std::string& node : world) cluster.get(node, "/news").body("new");
  }
}

TEST_CASE("without a log of purges a node of a cluster invalidates groups for itself",
          "[node][groups][cluster]") {
  Cluster cluster(Setup().nodes(world));
  cluster.origin().on("/news").reply(200).max_age(600).field("cache-groups", "\"news\"").body("old");
  const std::string owner = cluster.owners("eu", "/news").front();
  cluster.get(owner, "/news").expect(200);
  cluster.get(owner, "/news").hit();
  cluster.origin().on("/change").reply(200).field("cache-group-invalidation", "\"news\"");
  cluster.request(owner, "POST", "/change").expect(200);
  CHECK_FALSE(cluster.get(owner, "/news").answer().hit());
}

TEST_CASE("a client waits a tenth of a second at most for a log that does not answer",
          "[node][groups][cluster]") {
  Cluster cluster(Setup().nodes(world).purge_log("eu-1").tables("[purge]\njournal = \"purges\"\n"));
  cluster.origin().on("/change").reply(200).field("cache-group-invalidation", "\"news\"").body("done");
  cluster.run();
  cluster.world().partition("us-1", "eu-1");
  TestConnection& client = cluster.connect("us-1");
  client.request("POST", "/change", default_host);
  cluster.run_until([&] { return cluster.origin().count("POST", "/change") == 1; });
  cluster.advance(50ms);
  CHECK(client.answers() == 0);
  cluster.advance(60ms);
  REQUIRE(client.answers() == 1);
  Reply(client.answer(0)).expect(200).body("done");
  CHECK(cluster.metric("us-1", Metric::group_invalidations_late) == 1);
  // One that is known to be away is not waited for.
  cluster.world().heal("us-1", "eu-1");
  cluster.crash("eu-1");
  cluster.request("us-1", "POST", "/change").expect(200);
  CHECK(cluster.metric("us-1", Metric::group_invalidations_late) == 1);
  CHECK(cluster.metric("us-1", Metric::group_invalidations_failed) >= 1);
}

TEST_CASE("a client that leaves before its answer keeps no group alive", "[node][groups]") {
  Cluster cluster(Setup().workers(2));
  store(cluster, "/news", "\"news\"");
  cluster.origin().on("/change").reply(200).field("cache-group-invalidation", "\"news\"");
  TestConnection& client = cluster.connect("eu-1");
  client.request("POST", "/change", default_host);
  cluster.run_until([&] { return cluster.metric(Metric::group_invalidations) == 1; });
  client.close();
  cluster.run();
  CHECK_FALSE(is_stored(cluster, "/news"));
}

}  // namespace perigee::test
