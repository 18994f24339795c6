// Cache-Status and Proxy-Status as a client sees them (RFC 9211, RFC 9209).
#include <algorithm>
#include <catch2/catch_test_macros.hpp>

#include "tests/node/support/cluster.h"
#include "tests/node/support/raw_origin.h"

namespace perigee::test {
namespace {

using namespace std::chrono_literals;

TEST_CASE("a site may tell the cache key, and does not unless it is asked to", "[node][cache-status]") {
  Cluster cluster(Setup().site("cache_status_key = true\n"));
  cluster.origin().on("/a").reply(200).max_age(60).body("x");
  cluster.get("eu-1", "/%61?b=%7e")
      .field("cache-status", "eu-1; fwd=uri-miss; fwd-status=200; stored; key=\"http://a.example/a?b=~\"");
  cluster.get("eu-1", "/a?b=~").field("cache-status", "eu-1; hit; ttl=60; key=\"http://a.example/a?b=~\"");
  Cluster silent;
  silent.origin().on("/a").reply(200).max_age(60).body("x");
  REQUIRE(silent.get("eu-1", "/a").answer().header("cache-status").find("key") == std::string::npos);
}

TEST_CASE("a cache key that is too long is left out, and the rest is told", "[node][cache-status]") {
  Cluster cluster(Setup().site("cache_status_key = true\n"));
  const std::string path = "/" + std::string(300, 'a');
  cluster.origin().on(path).reply(200).max_age(60).body("x");
  cluster.get("eu-1", path).field("cache-status", "eu-1; fwd=uri-miss; fwd-status=200; stored");
}

TEST_CASE("what other caches said stays in front, on a miss and on a hit", "[node][cache-status]") {
  Cluster cluster;
  const std::string others = "OriginCache; hit; ttl=1100, \"CDN Company Here\"; fwd=stale";
  cluster.origin().on("/a").reply(200).max_age(60).field("cache-status", others).body("x");
  cluster.get("eu-1", "/a").field("cache-status", others + ", eu-1; fwd=uri-miss; fwd-status=200; stored");
  cluster.get("eu-1", "/a").field("cache-status", others + ", eu-1; hit; ttl=60");
}

TEST_CASE("in a cluster the owner speaks before the node that received the request", "[node][cache-status]") {
  Cluster cluster(Setup().nodes({"eu-1", "eu-2"}));
  cluster.origin().on("/a").reply(200).max_age(60).body("x");
  const std::string owner = cluster.owners("eu", "/a")[0];
  const std::string other = cluster.owners("eu", "/a")[1];
  const std::string miss = "; fwd=uri-miss; fwd-status=200";
  cluster.get(other, "/a").field("cache-status", owner + miss + "; stored, " + other + miss);
  cluster.get(other, "/a").field("cache-status", owner + "; hit; ttl=60, " + other + miss);
}

TEST_CASE("a request that waited for another says so", "[node][cache-status]") {
  Cluster cluster;
  cluster.origin().on("/a").reply(200).max_age(60).body("x").delay(100ms);
  TestConnection& first = cluster.ask("eu-1", "/a");
  TestConnection& second = cluster.ask("eu-1", "/a");
  cluster.run_until([&] { return first.answers() == 1 && second.answers() == 1; });
  std::vector<std::string> told = {first.answer(0).header("cache-status"),
                                   second.answer(0).header("cache-status")};
  std::sort(told.begin(), told.end());
  REQUIRE(told[0] == "eu-1; fwd=uri-miss; fwd-status=200; stored");
  REQUIRE(told[1] == "eu-1; fwd=uri-miss; fwd-status=200; stored; collapsed");
  REQUIRE(cluster.origin().count("GET", "/a") == 1);
}

TEST_CASE("a refusal says in Cache-Status and Proxy-Status what it is",
          "[node][cache-status][proxy-status]") {
  Cluster cluster;
  cluster.origin().on("/a").reply(200).body("x");
  cluster.get("eu-1", "/a").expect(200);
  const std::string loop = cluster.origin().last().header("cdn-loop");
  cluster.get("eu-1", "/a", {{"cdn-loop", loop}})
      .expect(508)
      .field("cache-status", "eu-1; detail=cdn-loop")
      .field("proxy-status", "eu-1; error=proxy_loop_detected");
  cluster.request("eu-1", "TRACE", "/a")
      .expect(405)
      .field("cache-status", "eu-1; detail=method")
      .field("proxy-status", "eu-1; error=http_request_error");
  cluster.get("eu-1", "/b", {{"cache-control", "only-if-cached"}})
      .expect(504)
      .field("cache-status", "eu-1; detail=only-if-cached")
      .without("proxy-status");
}

TEST_CASE("an origin's own error is no error of ours", "[node][proxy-status]") {
  Cluster cluster;
  cluster.origin().on("/a").reply(503).body("sorry").delay(100ms);
  TestConnection& first = cluster.ask("eu-1", "/a");
  TestConnection& second = cluster.ask("eu-1", "/a");
  cluster.run_until([&] { return first.answers() == 1 && second.answers() == 1; });
  const bool first_led = first.answer(0).header("proxy-status").empty();
  const Answer& leader = first_led ? first.answer(0) : second.answer(0);
  const Answer& follower = first_led ? second.answer(0) : first.answer(0);
  Reply(leader).expect(503).body("sorry").without("proxy-status");
  // Who waited gets the status, and is told whose it is.
  Reply(follower).expect(503).field("proxy-status", "eu-1; received-status=503");
  REQUIRE(cluster.origin().count("GET", "/a") == 1);
}

TEST_CASE("the rule of a path holds for every spelling of it", "[node][rule]") {
  Cluster cluster(Setup().site("[[site.rule]]\npath_prefix = \"/cart\"\nbypass = true\n"));
  cluster.origin().on("/cart").reply(200).max_age(60).body("x");
  for (const std::string path : {"/cart", "/%63art", "/x/../cart", "/x/%2e%2e/c%61rt"}) {
    INFO(path);
    cluster.get("eu-1", path).expect(200).forwarded("bypass");
  }
  REQUIRE(cluster.origin().count("GET", "/cart") == 4);
}

TEST_CASE("who finds stored what it was to ask for says that nobody was asked", "[node][cache-status]") {
  Cluster cluster;
  const std::string body(200'000, 'x');
  const auto script = [&](std::string cache_control) -> Script& {
    return cluster.origin()
        .on("/a")
        .reply(200)
        .field("cache-control", std::move(cache_control))
        .etag("\"1\"")
        .closed_ranges()
        .body(body);
  };
  // One range is fetched, and may be used by nobody who asks for it later.
  script("max-age=0, must-revalidate").delay(std::chrono::milliseconds(200)).rate(10'000);
  cluster.ask("eu-1", "/a", {{"range", "bytes=0-9"}});
  cluster.advance(std::chrono::milliseconds(10));
  TestConnection& waits = cluster.ask("eu-1", "/a", {{"range", "bytes=10-19"}});
  cluster.advance(std::chrono::milliseconds(10));
  // Meanwhile another request has brought it all, with a better lifetime.
  script("max-age=600");
  cluster.get("eu-1", "/a").expect(200);
  const size_t asked = cluster.origin().requests().size();
  cluster.advance(std::chrono::seconds(1));
  REQUIRE(waits.answers() == 1);
  const std::string told = Reply(waits.answer(0)).expect(206).answer().header("cache-status");
  INFO(told);
  CHECK(cluster.origin().requests().size() == asked);
  CHECK(told.find("fwd-status") == std::string::npos);
  CHECK(told.find("collapsed") != std::string::npos);
  CHECK(cluster.metric(Metric::requests_revalidated) == 0);
}

}  // namespace
}  // namespace perigee::test
