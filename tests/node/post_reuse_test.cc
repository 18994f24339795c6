// Answers to POST that satisfy later GETs (RFC 9110 9.3.3), in whole nodes.
#include <catch2/catch_test_macros.hpp>

#include "tests/node/support/cluster.h"

namespace perigee::test {
namespace {

using namespace std::chrono_literals;

const std::vector<std::string> pair = {"eu-1", "eu-2"};

TEST_CASE("the answer to a POST that names its own URL is reused for GET and HEAD", "[node][post]") {
  Cluster cluster;
  cluster.origin().on("/a").reply(200).max_age(60).field("content-location", "/a").body("made");
  cluster.request("eu-1", "POST", "/a", {}, "x=1").expect(200).forwarded("method").body("made");
  cluster.advance(5s);
  cluster.get("eu-1", "/a").expect(200).hit().body("made").field("age", "5");
  cluster.request("eu-1", "HEAD", "/a").expect(200).hit();
  REQUIRE(cluster.origin().count("GET", "/a") == 0);
  REQUIRE(cluster.origin().count("POST", "/a") == 1);
  cluster.advance(60s);
  cluster.get("eu-1", "/a").expect(200).forwarded("stale");
  REQUIRE(cluster.origin().count("GET", "/a") == 1);
}

TEST_CASE("a POST is never answered from the store", "[node][post]") {
  Cluster cluster;
  cluster.origin().on("/a").reply(200).max_age(60).field("content-location", "/a").body("made");
  for (int i = 0; i < 3; ++i) cluster.request("eu-1", "POST", "/a", {}, "x").expect(200).forwarded("method");
  REQUIRE(cluster.origin().count("POST", "/a") == 3);
}

TEST_CASE("an answer to POST that is about another URL, has no lifetime or is private is not reused",
          "[node][post]") {
  struct Case {
    std::string path;
    int status;
    std::string location;
    std::string control;
  };
  const std::vector<Case> cases = {{"/other", 200, "/elsewhere", "max-age=60"},
                                   {"/host", 200, "http://b.example/host", "max-age=60"},
                                   {"/none", 200, "", "max-age=60"},
                                   {"/silent", 200, "/silent", "public"},
                                   {"/private", 200, "/private", "private, max-age=60"},
                                   {"/created", 201, "/created", "max-age=60"}};
  Cluster cluster;
  for (const Case& each : cases) {
    INFO(each.path);
    Script& script = cluster.origin().on(each.path).reply(each.status).field("cache-control", each.control);
    if (!each.location.empty()) script.field("content-location", each.location);
    cluster.request("eu-1", "POST", each.path, {}, "x").expect(each.status);
    REQUIRE(!cluster.get("eu-1", each.path).expect(each.status).answer().hit());
    REQUIRE(cluster.origin().count("GET", each.path) == 1);
  }
}

TEST_CASE("the answer to a POST takes the place of what was stored", "[node][post]") {
  Cluster cluster;
  cluster.origin().on("/a").reply(200).max_age(60).body("old");
  cluster.get("eu-1", "/a").miss();
  cluster.origin()
      .on("/a")
      .reply(200)
      .max_age(60)
      .field("content-location", "http://a.example/a")
      .body("new");
  cluster.request("eu-1", "POST", "/a", {}, "x").expect(200).body("new");
  cluster.get("eu-1", "/a").expect(200).hit().body("new");
}

TEST_CASE("an answer to POST that is cut short is not reused", "[node][post]") {
  Cluster cluster;
  cluster.origin().on("/a").reply(200).max_age(60).field("content-location", "/a").body("made").cut_after(2);
  const Answer broken = cluster.request("eu-1", "POST", "/a", {}, "x").answer();
  REQUIRE(!(broken.status == 200 && broken.complete));
  cluster.origin().on("/a").reply(200).max_age(60).body("whole");
  cluster.get("eu-1", "/a").expect(200).miss().body("whole");
}

TEST_CASE("an answer to POST with Vary is reused for requests that select it", "[node][post]") {
  Cluster cluster;
  cluster.origin()
      .on("/a")
      .reply(200)
      .max_age(60)
      .field("content-location", "/a")
      .field("vary", "accept-language")
      .body("made");
  cluster.request("eu-1", "POST", "/a", {{"accept-language", "de"}}, "x").expect(200);
  cluster.get("eu-1", "/a", {{"accept-language", "de"}}).expect(200).hit();
  cluster.get("eu-1", "/a", {{"accept-language", "fr"}}).expect(200).forwarded("vary-miss");
}

TEST_CASE("in a cluster the node that received a POST may reuse its answer", "[node][post][cluster]") {
  Cluster cluster(Setup().nodes(pair));
  cluster.origin().on("/a").reply(200).max_age(60).field("content-location", "/a").body("made");
  for (const std::string& node : pair) {
    cluster.request(node, "POST", "/a", {}, "x").expect(200).body("made");
    cluster.get(node, "/a").expect(200).hit().body("made");
  }
  REQUIRE(cluster.origin().count("GET", "/a") == 0);
}

}  // namespace
}  // namespace perigee::test
