// What an answer to HEAD does to a stored response (RFC 9111 4.3.5).
#include <catch2/catch_test_macros.hpp>

#include "tests/node/support/cluster.h"

namespace perigee::test {
namespace {

using namespace std::chrono_literals;

const Headers no_cache = {{"cache-control", "no-cache"}};

// Stored for a minute, then the origin says something else of it.
struct Scene {
  Scene() {
    cluster.origin()
        .on("/a")
        .reply(200)
        .max_age(60)
        .field("etag", "\"1\"")
        .field("x-version", "1")
        .body("hello");
    cluster.get("eu-1", "/a").miss();
  }
  // Of the same length unless told otherwise.
  Script& now(int max_age, const std::string& tag, const std::string& body = "HELLO") {
    return cluster.origin()
        .on("/a")
        .reply(200)
        .max_age(max_age)
        .field("etag", tag)
        .field("x-version", "2")
        .body(body);
  }
  Reply head(const Headers& headers = {}) { return cluster.request("eu-1", "HEAD", "/a", headers); }

  Cluster cluster;
};

}  // namespace

TEST_CASE("a HEAD that confirms what is stored renews its fields and its freshness", "[node][head]") {
  Scene scene;
  scene.cluster.advance(61s);
  scene.now(600, "\"1\"");
  scene.head().expect(200).forwarded("stale").field("x-version", "2").field("content-length", "5").body("");
  REQUIRE(scene.cluster.origin().count("HEAD", "/a") == 1);
  scene.cluster.advance(500s);
  scene.cluster.get("eu-1", "/a").hit().field("x-version", "2").field("age", "500").body("hello");
  REQUIRE(scene.cluster.origin().count("GET", "/a") == 1);
}

TEST_CASE("a HEAD of another representation makes what is stored stale", "[node][head]") {
  struct Case {
    std::string tag;
    std::string body;
  };
  for (const Case& each : {Case{"\"2\"", "HELLO"}, Case{"\"1\"", "longer"}, Case{"W/\"1\"", "HELLO!"}}) {
    INFO(each.tag << " " << each.body);
    Scene scene;
    scene.now(600, each.tag, each.body);
    scene.head(no_cache).expect(200).forwarded("request");
    scene.cluster.get("eu-1", "/a").expect(200).forwarded("stale").field("x-version", "2");
    REQUIRE(scene.cluster.origin().count("GET", "/a") == 2);
    REQUIRE(scene.cluster.origin().last().header("if-none-match") == "\"1\"");
  }
}

TEST_CASE("a HEAD that fails, or answers a condition, says nothing of what is stored", "[node][head]") {
  for (const int status : {304, 404, 500, 503}) {
    INFO(status);
    Scene scene;
    scene.cluster.origin().on("/a").reply(status).field("etag", "\"2\"");
    scene.head(no_cache).expect(status);
    scene.cluster.get("eu-1", "/a").hit().field("x-version", "1").body("hello");
  }
}

TEST_CASE("a HEAD that asks not to be stored renews nothing", "[node][head]") {
  Scene scene;
  scene.now(600, "\"1\"");
  scene.head({{"cache-control", "no-store, no-cache"}}).expect(200);
  scene.cluster.get("eu-1", "/a").hit().field("x-version", "1");
}

TEST_CASE("a HEAD by which a response has become private removes it", "[node][head]") {
  Scene scene;
  scene.cluster.origin()
      .on("/a")
      .reply(200)
      .field("cache-control", "private")
      .field("etag", "\"1\"")
      .body("HELLO");
  scene.head(no_cache).expect(200);
  REQUIRE(scene.cluster.get("eu-1", "/a", {{"cache-control", "only-if-cached"}}).answer().status == 504);
}

TEST_CASE("a HEAD renews the variant that it selects", "[node][head]") {
  Cluster cluster;
  const auto script = [&](int version) {
    cluster.origin()
        .on("/a")
        .reply(200)
        .max_age(60)
        .etag("\"1\"")
        .field("vary", "x-kind")
        .field("x-version", std::to_string(version))
        .body("hello");
  };
  script(1);
  for (const std::string kind : {"a", "b"}) cluster.get("eu-1", "/a", {{"x-kind", kind}}).expect(200);
  script(2);
  cluster.request("eu-1", "HEAD", "/a", {{"x-kind", "b"}, {"cache-control", "no-cache"}}).expect(200);
  cluster.get("eu-1", "/a", {{"x-kind", "a"}}).hit().field("x-version", "1");
  cluster.get("eu-1", "/a", {{"x-kind", "b"}}).hit().field("x-version", "2");
}

TEST_CASE("a HEAD by which a response varies leaves it to those who ask alike", "[node][head][vary]") {
  Scene scene;
  const auto kind = [](const std::string& value) { return Headers{{"x-kind", value}}; };
  scene.now(600, "\"1\"").field("vary", "x-kind");
  scene.head({{"x-kind", "a"}, {"cache-control", "no-cache"}}).expect(200);
  scene.cluster.get("eu-1", "/a", kind("a")).hit().field("x-version", "2");
  scene.cluster.get("eu-1", "/a", kind("b")).expect(200).forwarded("vary-miss");
}

TEST_CASE("through the owner, a HEAD renews what the owner has stored", "[node][head][cluster]") {
  Cluster cluster(Setup().nodes({"eu-1", "eu-2"}));
  cluster.origin().on("/a").reply(200).max_age(60).etag("\"1\"").field("x-version", "1").body("hello");
  for (const std::string node : {"eu-1", "eu-2"}) cluster.get(node, "/a").expect(200);
  cluster.advance(61s);
  cluster.origin().on("/a").reply(200).max_age(600).etag("\"1\"").field("x-version", "2").body("hello");
  const std::string owner = cluster.owners("eu", "/a").front();
  const std::string other = owner == "eu-1" ? "eu-2" : "eu-1";
  cluster.request(other, "HEAD", "/a").expect(200).field("x-version", "2");
  cluster.get(owner, "/a").hit().field("x-version", "2");
  REQUIRE(cluster.origin().count("GET", "/a") == 1);
}

}  // namespace perigee::test
