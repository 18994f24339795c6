// Statuses, interim responses and trailers as a cache sees them, in whole nodes.
#include <catch2/catch_test_macros.hpp>

#include "tests/node/support/cluster.h"
#include "tests/node/support/raw_origin.h"

namespace perigee::test {
namespace {

using namespace std::chrono_literals;

const net::Address raw_address = net::Address::parse("10.9.0.9:80").value();

Setup raw_setup() { return Setup().origin("servers = [\"10.9.0.9:80\"]\n"); }

TEST_CASE("errors with a lifetime are kept like anything else, for that long", "[node][status]") {
  Cluster cluster;
  for (const int status : {404, 410, 500, 503}) {
    INFO(status);
    const std::string path = "/" + std::to_string(status);
    cluster.origin().on(path).reply(status).max_age(10).body("no");
    cluster.get("eu-1", path).expect(status).miss();
    cluster.get("eu-1", path).expect(status).hit().body("no");
    cluster.advance(11s);
    cluster.get("eu-1", path).expect(status).forwarded("stale");
    REQUIRE(cluster.origin().count("GET", path) == 2);
  }
}

TEST_CASE("errors that say nothing are not kept", "[node][status]") {
  Cluster cluster;
  for (const int status : {404, 500, 503}) {
    INFO(status);
    const std::string path = "/" + std::to_string(status);
    cluster.origin().on(path).reply(status).body("no");
    for (int i = 0; i < 2; ++i) REQUIRE(!cluster.get("eu-1", path).expect(status).answer().hit());
    REQUIRE(cluster.origin().count("GET", path) == 2);
  }
}

TEST_CASE("a status that nobody knows is passed on, and kept when it says how long", "[node][status]") {
  Cluster cluster;
  for (const int status : {299, 399, 499, 599}) {
    INFO(status);
    const std::string path = "/" + std::to_string(status);
    cluster.origin().on(path).reply(status).max_age(60).body("odd");
    cluster.get("eu-1", path).expect(status).miss().body("odd");
    cluster.get("eu-1", path).expect(status).hit().body("odd");
    const std::string silent = path + "-silent";
    cluster.origin().on(silent).reply(status).etag("\"1\"").body("odd");
    cluster.get("eu-1", silent).expect(status);
    REQUIRE(!cluster.get("eu-1", silent).expect(status).answer().hit());
  }
}

TEST_CASE("must-understand keeps what is understood, and nothing else", "[node][status]") {
  Cluster cluster;
  const std::string control = "max-age=60, must-understand, no-store";
  cluster.origin().on("/200").reply(200).field("cache-control", control).body("x");
  cluster.origin().on("/299").reply(299).field("cache-control", control).body("x");
  cluster.get("eu-1", "/200").expect(200).miss();
  cluster.get("eu-1", "/200").expect(200).hit();
  cluster.get("eu-1", "/299").expect(299).miss();
  REQUIRE(!cluster.get("eu-1", "/299").expect(299).answer().hit());
}

TEST_CASE("interim responses are passed on and not stored", "[node][status][interim]") {
  for (const int interim : {102, 103, 199}) {
    INFO(interim);
    Cluster cluster;
    cluster.origin().on("/a").reply(200).max_age(60).interim(interim, "link", "</style.css>").body("x");
    const Reply first = cluster.get("eu-1", "/a");
    first.expect(200).miss().without("link");
    REQUIRE(first.answer().interims == std::vector<int>{interim});
    const Reply second = cluster.get("eu-1", "/a");
    second.expect(200).hit().without("link");
    REQUIRE(second.answer().interims.empty());
  }
}

TEST_CASE("trailers are checked and dropped, on the way and in the store", "[node][status][trailers]") {
  Cluster cluster(raw_setup());
  RawOrigin origin(cluster.world(), "raw", raw_address);
  const std::string head =
      "HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\nTrailer: X-Sum\r\nTransfer-Encoding: chunked\r\n\r\n";
  origin.answers({{head + "5\r\nhello\r\n0\r\nX-Sum: 1\r\nCache-Control: no-store\r\n\r\n"}});
  cluster.get("eu-1", "/a").expect(200).miss().body("hello").without("x-sum").without("trailer");
  cluster.get("eu-1", "/a")
      .expect(200)
      .hit()
      .body("hello")
      .without("x-sum")
      .without("trailer")
      .field("cache-control", "max-age=60");
  REQUIRE(origin.requests() == 1);
}

TEST_CASE("a broken trailer makes the answer incomplete, and it is not stored", "[node][status][trailers]") {
  Cluster cluster(raw_setup());
  RawOrigin origin(cluster.world(), "raw", raw_address);
  const std::string head =
      "HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n";
  origin.answers({{head + "no trailer\r\n\r\n"}});
  const Answer broken = cluster.get("eu-1", "/a").answer();
  REQUIRE(!(broken.status == 200 && broken.complete));
  origin.answers({{head + "\r\n"}});
  REQUIRE(!cluster.get("eu-1", "/a").expect(200).body("hello").answer().hit());
}

}  // namespace
}  // namespace perigee::test
