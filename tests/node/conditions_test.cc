// Conditions that a cache leaves to the origin: If-Match and If-Unmodified-Since (RFC 9110 13.1, 9111 4.3.2).
#include <catch2/catch_test_macros.hpp>

#include "edge/http/date.h"
#include "tests/node/support/cluster.h"

namespace perigee::test {
namespace {

using namespace std::chrono_literals;

std::string http_date(WallTime time) {
  char text[http::date_bytes];
  return std::string(http::format_date(unix_seconds(time), text));
}

// "/a" is stored with an entity-tag and a date; what is asked of the origin from now on is answered 412.
struct Scene {
  Scene() {
    cluster.origin()
        .on("/a")
        .reply(200)
        .max_age(60)
        .field("etag", "\"1\"")
        .field("last-modified", modified)
        .body("hello");
    cluster.get("eu-1", "/a").miss();
    cluster.origin().on("/a").reply(412).body("no");
  }
  Cluster cluster;
  const std::string modified = http_date(cluster.world().wall_now() - 1000s);
  const std::string before = http_date(cluster.world().wall_now() - 2000s);
};

}  // namespace

TEST_CASE("a condition for the origin that holds of what is stored is answered from there",
          "[node][conditions]") {
  Scene scene;
  for (const Headers& headers :
       {Headers{{"if-match", "\"1\""}}, Headers{{"if-match", "\"0\", \"1\""}}, Headers{{"if-match", "*"}},
        Headers{{"if-unmodified-since", scene.modified}}, Headers{{"if-unmodified-since", "nonsense"}},
        // RFC 9110 13.2.2: If-Match decides alone.
        Headers{{"if-match", "\"1\""}, {"if-unmodified-since", scene.before}}}) {
    INFO(headers[0].first << ": " << headers[0].second);
    scene.cluster.get("eu-1", "/a", headers).expect(200).hit().body("hello");
  }
  scene.cluster.get("eu-1", "/a", {{"if-match", "\"1\""}, {"range", "bytes=1-2"}})
      .expect(206)
      .hit()
      .body("el");
  scene.cluster.get("eu-1", "/a", {{"if-match", "\"1\""}, {"if-none-match", "\"1\""}}).expect(304).hit();
  REQUIRE(scene.cluster.origin().requests().size() == 1);
}

TEST_CASE("one that does not hold of what is stored is the origin's to judge, in the client's words",
          "[node][conditions]") {
  Scene scene;
  const std::pair<std::string, std::string> cases[] = {
      {"if-match", "\"2\""}, {"if-match", "W/\"1\""}, {"if-unmodified-since", scene.before}};
  for (const auto& [name, value] : cases) {
    INFO(name << ": " << value);
    scene.cluster.get("eu-1", "/a", {{name, value}}).expect(412).forwarded("request").body("no");
    REQUIRE(scene.cluster.origin().last().header(name) == value);
    scene.cluster.get("eu-1", "/a", {{name, value}, {"range", "bytes=1-2"}}).expect(412);
    REQUIRE(scene.cluster.origin().last().header("range") == "bytes=1-2");
    scene.cluster.get("eu-1", "/a", {{name, value}, {"cache-control", "only-if-cached"}}).expect(504);
    // Nothing of that is anybody else's.
    scene.cluster.get("eu-1", "/a").expect(200).hit().body("hello");
  }
}

TEST_CASE("conditions count for every 2xx that is stored, and for nothing else (RFC 9110 13.2.1)",
          "[node][conditions]") {
  for (const int status : {200, 203, 204, 299, 301, 404}) {
    INFO(status);
    Cluster cluster;
    cluster.origin()
        .on("/a")
        .reply(status)
        .max_age(60)
        .field("etag", "\"1\"")
        .body(status == 204 ? "" : "hello");
    const int expected = status < 300 ? 304 : status;
    // Cold, then from the store; and a range is of a 200 only.
    cluster.get("eu-1", "/a", {{"if-none-match", "\"1\""}}).expect(expected);
    cluster.run();
    cluster.get("eu-1", "/a", {{"if-none-match", "\"1\""}}).expect(expected).hit();
    cluster.get("eu-1", "/a", {{"if-none-match", "\"2\""}}).expect(status).hit();
    cluster.get("eu-1", "/a", {{"range", "bytes=0-1"}}).expect(status == 200 ? 206 : status).hit();
    REQUIRE(cluster.origin().requests().size() == 1);
  }
}

TEST_CASE("with nothing stored the origin judges, and its answer is not kept", "[node][conditions]") {
  Cluster cluster;
  cluster.origin().on("/a").reply(200).max_age(60).field("etag", "\"1\"").body("hello");
  cluster.get("eu-1", "/a", {{"if-match", "\"1\""}}).expect(200).miss();
  REQUIRE(cluster.origin().last().header("if-match") == "\"1\"");
  cluster.get("eu-1", "/a").expect(200).miss();
  cluster.get("eu-1", "/a").hit();
}

TEST_CASE("a stale response is not validated in place of a condition for the origin", "[node][conditions]") {
  Scene scene;
  scene.cluster.advance(61s);
  scene.cluster.get("eu-1", "/a", {{"if-match", "\"1\""}}).expect(412).forwarded("stale");
  REQUIRE(scene.cluster.origin().last().header("if-match") == "\"1\"");
  REQUIRE(scene.cluster.origin().last().header("if-none-match").empty());
  // Nor served when the origin fails, since nobody knows whether the condition holds.
  scene.cluster.origin().on("/a").reply(503);
  scene.cluster.get("eu-1", "/a", {{"if-match", "\"1\""}, {"cache-control", "stale-if-error=600"}})
      .expect(503);
}

TEST_CASE("who asks with a condition for the origin waits for nobody", "[node][conditions][collapsing]") {
  Cluster cluster;
  cluster.origin().on("/a").reply(200).max_age(60).etag("\"1\"").delay(2s).body("hello");
  TestConnection& plain = cluster.ask("eu-1", "/a");
  TestConnection& conditional = cluster.ask("eu-1", "/a", {{"if-match", "\"1\""}});
  cluster.run_until([&] { return plain.answers() == 1 && conditional.answers() == 1; });
  REQUIRE(cluster.origin().count("GET", "/a") == 2);
  Reply(conditional.answer(0)).expect(200).body("hello");
}

}  // namespace perigee::test
