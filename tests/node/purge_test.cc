// Purges on whole nodes: what is purged anywhere is served nowhere, whatever fails meanwhile.
#include <catch2/catch_test_macros.hpp>

#include "tests/node/support/cluster.h"

namespace perigee::test {
namespace {

using namespace std::chrono_literals;

const std::vector<std::string> world = {"eu-1", "eu-2", "us-1"};

Setup logged() { return Setup().nodes(world).purge_log("eu-1").tables("[purge]\njournal = \"purges\"\n"); }

constexpr std::string_view purge_a = R"({"url": "http://a.example/a"})";

bool has(const Cluster::Purged& purged, std::string_view text) {
  return purged.json.find(text) != std::string::npos;
}

// Everywhere, twice: stored where it is stored.
void warm(Cluster& cluster, std::string_view path) {
  for (int pass = 0; pass < 2; ++pass) {
    for (const std::string& node : world) cluster.get(node, path).expect(200);
  }
}

}  // namespace

TEST_CASE("a node alone purges by URL, prefix, tag, site, and everything", "[node][purge]") {
  const std::string_view purges[] = {purge_a,
                                     R"({"prefix": "http://a.example/"})",
                                     R"({"tag": "news"})",
                                     R"({"tag": "news", "site": "all"})",
                                     R"({"site": "all"})",
                                     R"({"everything": true})"};
  for (const std::string_view purge : purges) {
    INFO(purge);
    Cluster cluster;
    cluster.origin().on("/a").reply(200).max_age(600).field("surrogate-key", "x news").body("one");
    cluster.get("eu-1", "/a").expect(200).miss();
    cluster.get("eu-1", "/a").hit();
    const auto purged = cluster.purge("eu-1", purge);
    INFO(purged.json);
    REQUIRE(purged.status == 200);
    cluster.origin().on("/a").reply(200).max_age(600).body("two");
    cluster.get("eu-1", "/a").body("two").miss();
    cluster.get("eu-1", "/a").body("two").hit();
  }
}

TEST_CASE("a purge takes every variant and leaves other URLs", "[node][purge]") {
  Cluster cluster;
  cluster.origin().on("/a").reply(200).max_age(600).field("vary", "accept-language").echo_language();
  cluster.origin().on("/b").reply(200).max_age(600).body("b");
  for (const char* language : {"de", "fr"}) cluster.get("eu-1", "/a", {{"accept-language", language}});
  cluster.get("eu-1", "/b");
  REQUIRE(cluster.purge("eu-1", purge_a).status == 200);
  for (const char* language : {"de", "fr"})
    REQUIRE_FALSE(cluster.get("eu-1", "/a", {{"accept-language", language}}).answer().hit());
  cluster.get("eu-1", "/b").hit();
}

TEST_CASE("after a soft purge the old version is served once more, while one request validates it",
          "[node][purge]") {
  Cluster cluster;
  cluster.origin().on("/a").reply(200).max_age(600).etag("\"1\"").body("one");
  cluster.get("eu-1", "/a").miss();
  REQUIRE(cluster.purge("eu-1", R"({"url": "http://a.example/a", "soft": true})").status == 200);
  cluster.origin().on("/a").reply(200).max_age(600).etag("\"2\"").body("two");
  cluster.get("eu-1", "/a").body("one").hit();
  cluster.run();
  cluster.get("eu-1", "/a").body("two").hit();
  REQUIRE(cluster.origin().count("GET", "/a") == 2);
}

TEST_CASE("a bad purge is refused with what was found and expected", "[node][purge]") {
  Cluster cluster;
  const auto purged = cluster.purge("eu-1", R"({"site": "nowhere"})");
  REQUIRE(purged.status == 422);
  REQUIRE(has(purged, "bad_purge"));
  REQUIRE(has(purged, "expected the name of a site"));
}

TEST_CASE("without a purge_log a cluster refuses purges", "[node][purge]") {
  Cluster cluster(Setup().nodes(world));
  REQUIRE(cluster.purge("eu-1", purge_a).status == 503);
}

TEST_CASE("what is purged at any node is served by none once the receipt is there", "[node][purge]") {
  for (const std::string& asked : world) {
    INFO(asked);
    Cluster cluster(logged());
    cluster.origin().on("/a").reply(200).max_age(600).body("one");
    warm(cluster, "/a");
    const auto purged = cluster.purge(asked, purge_a);
    INFO(purged.json);
    REQUIRE(purged.status == 200);
    REQUIRE(has(purged, "\"applied\":true"));
    REQUIRE_FALSE(has(purged, "away"));
    cluster.origin().on("/a").reply(200).max_age(600).body("two");
    for (const std::string& node : world) cluster.get(node, "/a").body("two");
  }
}

TEST_CASE("a fetch sent before a purge is neither stored nor shared after it", "[node][purge]") {
  Cluster cluster;
  cluster.origin().on("/a").reply(200).max_age(600).delay(2s).body("one");
  TestConnection& first = cluster.ask("eu-1", "/a");
  cluster.advance(1s);
  REQUIRE(cluster.purge("eu-1", purge_a).status == 200);
  cluster.origin().on("/a").reply(200).max_age(600).body("two");
  cluster.get("eu-1", "/a").body("two");
  cluster.advance(2s);
  REQUIRE(first.answers() == 1);
  cluster.get("eu-1", "/a").body("two").hit();
}

TEST_CASE("who waits for a fetch when a tag is purged gets a new one", "[node][purge]") {
  Cluster cluster;
  cluster.origin().on("/a").reply(200).max_age(600).field("surrogate-key", "news").delay(2s).body("one");
  TestConnection& leader = cluster.ask("eu-1", "/a");
  cluster.advance(1s);
  REQUIRE(cluster.purge("eu-1", R"({"tag": "news"})").status == 200);
  cluster.origin().on("/a").reply(200).max_age(600).field("surrogate-key", "news").body("two");
  TestConnection& follower = cluster.ask("eu-1", "/a");
  cluster.advance(5s);
  REQUIRE(leader.answers() == 1);
  REQUIRE(follower.answers() == 1);
  REQUIRE(follower.answer(0).body == "two");
  cluster.get("eu-1", "/a").body("two").hit();
}

// Its tags are known when the head is there, and not before.
TEST_CASE("who waits for a range when a tag is purged gets a new one", "[node][purge][range]") {
  const std::string_view range = "bytes=1-2";
  Cluster cluster;
  const auto script = [&](const std::string& tag, const std::string& body) -> Script& {
    Script& a = cluster.origin().on("/a").reply(200).max_age(600).field("surrogate-key", "news");
    return a.etag(tag).closed_ranges().body(body);
  };
  script("\"1\"", "first").delay(2s);
  TestConnection& leader = cluster.ask("eu-1", "/a", {{"range", std::string(range)}});
  cluster.advance(1s);
  REQUIRE(cluster.purge("eu-1", R"({"tag": "news"})").status == 200);
  script("\"2\"", "other");
  std::vector<TestConnection*> followers;
  for (int i = 0; i < 5; ++i)
    followers.push_back(&cluster.ask("eu-1", "/a", {{"range", std::string(range)}}));
  cluster.advance(5s);
  REQUIRE(leader.answers() == 1);
  CHECK(leader.answer(0).body == "ir");
  for (const TestConnection* follower : followers) {
    REQUIRE(follower->answers() == 1);
    CHECK(follower->answer(0).status == 206);
    CHECK(follower->answer(0).body == "th");
  }
  // They have shared it.
  CHECK(cluster.origin().count("GET", "/a") == 2);
  cluster.get("eu-1", "/a", {{"range", std::string(range)}}).expect(206).body("th").hit();
}

// The whole is on its way because the origin does not do ranges.
TEST_CASE("who waits for a range that comes as the whole when a tag is purged gets a new one",
          "[node][purge][range]") {
  Cluster cluster;
  cluster.origin().on("/a").reply(200).max_age(600).field("surrogate-key", "news").delay(2s).body("first");
  const Headers headers = {{"range", "bytes=1-2"}};
  TestConnection& leader = cluster.ask("eu-1", "/a", headers);
  cluster.advance(1s);
  REQUIRE(cluster.purge("eu-1", R"({"tag": "news"})").status == 200);
  cluster.origin().on("/a").reply(200).max_age(600).field("surrogate-key", "news").body("other");
  TestConnection& follower = cluster.ask("eu-1", "/a", headers);
  cluster.advance(5s);
  REQUIRE(leader.answers() == 1);
  REQUIRE(follower.answers() == 1);
  CHECK(follower.answer(0).body == "th");
}

// The second of two ranges is on its way already, since before the purge.
TEST_CASE("an answer that began after a purge goes on with no bytes asked for before it",
          "[node][purge][range]") {
  Cluster cluster;
  const std::string all(200'000, 'x');
  const auto script = [&]() -> Script& {
    Script& a = cluster.origin().on("/a").reply(200).max_age(600).field("surrogate-key", "news");
    return a.etag("\"1\"").closed_ranges().body(all);
  };
  script();
  cluster.get("eu-1", "/a", {{"range", "bytes=0-1"}}).expect(206);
  script().delay(5s);
  TestConnection& before = cluster.ask("eu-1", "/a", {{"range", "bytes=131072-131073"}});
  cluster.advance(1s);
  REQUIRE(cluster.origin().count("GET", "/a") == 2);
  REQUIRE(cluster.purge("eu-1", R"({"tag": "news"})").status == 200);
  script();
  TestConnection& after = cluster.ask("eu-1", "/a", {{"range", "bytes=0-1,131072-131073"}});
  cluster.advance(1s);
  REQUIRE(before.answers() == 0);
  REQUIRE(after.answers() == 1);
  CHECK(after.answer(0).status == 206);
  CHECK(after.answer(0).complete);
  CHECK(cluster.origin().count("GET", "/a") == 4);
  CHECK(cluster.origin().last().header("range").starts_with("bytes=131072-"));
  cluster.advance(10s);
  REQUIRE(before.answers() == 1);
  CHECK(before.answer(0).body == "xx");
}

TEST_CASE("while the purge_log is away a purge is refused and applied nowhere", "[node][purge]") {
  Cluster cluster(logged());
  cluster.origin().on("/a").reply(200).max_age(600).body("one");
  warm(cluster, "/a");
  cluster.crash("eu-1");
  REQUIRE(cluster.purge("us-1", purge_a).status == 503);
  REQUIRE(cluster.metric("us-1", Metric::purges_applied) == 0);
}

TEST_CASE("a node without word from the log validates, and believes its store again when it has caught up",
          "[node][purge]") {
  Cluster cluster(logged());
  cluster.origin().on("/a").reply(200).max_age(600).etag("\"1\"").body("one");
  cluster.origin().on("/b").reply(200).max_age(600).etag("\"b\"").body("b");
  for (const char* path : {"/a", "/b"}) {
    cluster.get("us-1", path).miss();
    cluster.get("us-1", path).hit();
  }
  cluster.world().partition("eu-1", "us-1");
  cluster.world().partition("eu-2", "us-1");
  const auto purged = cluster.purge("eu-2", purge_a);
  REQUIRE(purged.status == 200);
  REQUIRE(has(purged, "{\"node\":\"us-1\",\"state\":\"pending\"}"));
  cluster.origin().on("/a").reply(200).max_age(600).etag("\"2\"").body("two");
  cluster.advance(10'500ms);
  cluster.get("us-1", "/a").body("two");
  const size_t asked = cluster.origin().count("GET", "/b");
  cluster.get("us-1", "/b").body("b");
  REQUIRE(cluster.origin().count("GET", "/b") == asked + 1);
  // Not even in place of an error.
  cluster.origin().on("/b").reply(503);
  REQUIRE(cluster.get("us-1", "/b").answer().status >= 500);
  // A purge knows by now that us-1 uses nothing without asking.
  REQUIRE(has(cluster.purge("eu-2", R"({"tag": "x"})"), "{\"node\":\"us-1\",\"state\":\"away\"}"));

  cluster.world().heal("eu-1", "us-1");
  cluster.world().heal("eu-2", "us-1");
  cluster.advance(10s);
  cluster.get("us-1", "/b").body("b").hit();
  cluster.get("us-1", "/a").body("two");
  REQUIRE(has(cluster.purge("us-1", purge_a), "\"applied\":true"));
}

TEST_CASE("the log comes back after a crash with all it had acknowledged", "[node][purge]") {
  const Setup setup = logged();
  Cluster cluster(setup);
  cluster.origin().on("/a").reply(200).max_age(600).body("one");
  warm(cluster, "/a");
  REQUIRE(cluster.purge("eu-2", purge_a).status == 200);
  cluster.origin().on("/a").reply(200).max_age(600).body("two");
  cluster.crash("eu-1");
  cluster.restart(setup, "eu-1");
  cluster.advance(5s);
  for (const std::string& node : world) cluster.get(node, "/a").body("two");
  const auto purged = cluster.purge("us-1", purge_a);
  REQUIRE(purged.status == 200);
  REQUIRE(has(purged, ".2\""));
}

TEST_CASE("a log that lost its journal makes every node validate", "[node][purge]") {
  const Setup forgetful = Setup().nodes(world).purge_log("eu-1");
  Cluster cluster(forgetful);
  cluster.origin().on("/a").reply(200).max_age(600).etag("\"1\"").body("one");
  warm(cluster, "/a");
  cluster.advance(2s);
  cluster.crash("eu-1");
  cluster.restart(forgetful, "eu-1");
  cluster.advance(5s);
  const size_t asked = cluster.origin().count("GET", "/a");
  cluster.get("us-1", "/a").body("one");
  REQUIRE(cluster.origin().count("GET", "/a") == asked + 1);
  cluster.get("us-1", "/a").body("one").hit();
}

TEST_CASE("a thousand purges leave no rules behind once the sweep has passed", "[node][purge]") {
  Cluster cluster(Setup().tables("[cache]\nbudget = \"4MiB\"\n"));
  for (int i = 0; i < 1000; ++i) {
    const std::string body = R"({"url": "http://a.example/)" + std::to_string(i) + "\"}";
    REQUIRE(cluster.purge("eu-1", body).status == 200);
  }
  cluster.advance(5s);
  cluster.origin().on("/a").reply(200).max_age(600).body("one");
  cluster.get("eu-1", "/a").miss();
  cluster.get("eu-1", "/a").hit();
  REQUIRE(cluster.node("eu-1").purge_rules() == 0);
}

TEST_CASE("a node that was stopped while something was purged uses nothing of before when it goes on",
          "[node][purge]") {
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    INFO(seed);
    Cluster cluster(logged().seed(seed));
    cluster.origin().on("/a").reply(200).max_age(600).body("one");
    warm(cluster, "/a");
    // Its client has a connection, and asks on it while it stands still.
    TestConnection& client = cluster.ask("us-1", "/a");
    cluster.run();
    REQUIRE(client.answers() == 1);
    cluster.world().pause_node(cluster.io("us-1"));
    cluster.advance(12s);
    const auto purged = cluster.purge("eu-2", purge_a);
    REQUIRE(has(purged, "{\"node\":\"us-1\",\"state\":\"away\"}"));
    cluster.origin().on("/a").reply(200).max_age(600).body("two");
    client.request("GET", "/a", "a.example");
    cluster.advance(1s);
    cluster.world().resume_node(cluster.io("us-1"));
    cluster.run_until([&] { return client.answers() == 2; });
    REQUIRE(client.answer(1).body == "two");
  }
}

TEST_CASE("a node without word from the log shares no fetch that was sent before it was asked",
          "[node][purge][collapsing]") {
  Cluster cluster(logged());
  cluster.world().partition("eu-1", "us-1");
  cluster.world().partition("eu-2", "us-1");
  cluster.advance(12s);
  cluster.origin().on("/a").reply(200).max_age(600).rate(10'000).body(std::string(50'000, '1'));
  TestConnection& first = cluster.ask("us-1", "/a");
  cluster.run_until([&] { return first.partial().body.size() > 1000; });
  REQUIRE(has(cluster.purge("eu-2", purge_a), "{\"node\":\"us-1\",\"state\":\"away\"}"));
  cluster.origin().on("/a").reply(200).max_age(600).delay(100ms).body("two");
  std::vector<TestConnection*> later;
  for (int i = 0; i < 10; ++i) later.push_back(&cluster.ask("us-1", "/a"));
  cluster.advance(1s);
  for (const TestConnection* client : later) {
    REQUIRE(client->answers() == 1);
    REQUIRE(client->answer(0).body == "two");
  }
  // Who asked together is one more fetch.
  REQUIRE(cluster.origin().count("GET", "/a") == 2);
  cluster.run_until([&] { return first.answers() == 1; });
  cluster.get("us-1", "/a").body("two");
}

}  // namespace perigee::test
