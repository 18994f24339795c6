// What a 304 says of a stored response (RFC 9111 4.3.4), from origins that do not say it quite right.
#include <catch2/catch_test_macros.hpp>

#include "tests/node/support/cluster.h"
#include "tests/node/support/raw_origin.h"

namespace perigee::test {
namespace {

using namespace std::chrono_literals;

const net::Address raw_address = net::Address::parse("10.9.0.9:80").value();

Setup raw_setup() { return Setup().origin("servers = [\"10.9.0.9:80\"]\n"); }

std::string ok(std::string_view fields) {
  return "HTTP/1.1 200 OK\r\n" + std::string(fields) + "Content-Length: 5\r\n\r\nhello";
}
std::string not_modified(std::string_view fields) {
  return "HTTP/1.1 304 Not Modified\r\n" + std::string(fields) + "\r\n";
}

TEST_CASE("a 304 whose tag lost the suffix of the content coding confirms what is stored",
          "[node][validation]") {
  Cluster cluster(raw_setup());
  RawOrigin origin(cluster.world(), "raw", raw_address);
  origin.answers({{ok("Cache-Control: max-age=60\r\nETag: \"a-gzip\"\r\n")},
                  {not_modified("Cache-Control: max-age=60\r\nETag: \"a\"\r\n")}});
  cluster.get("eu-1", "/a").expect(200).miss();
  cluster.advance(61s);
  cluster.get("eu-1", "/a").expect(200).forwarded("stale").body("hello").field("etag", "\"a-gzip\"");
  REQUIRE(origin.requests() == 2);
  // The first connection was idle for too long.
  REQUIRE(origin.received(1).find("if-none-match: \"a-gzip\"") != std::string::npos);
  cluster.get("eu-1", "/a").expect(200).hit().body("hello").field("etag", "\"a-gzip\"");
}

TEST_CASE("a 304 without a tag confirms what is stored", "[node][validation]") {
  Cluster cluster(raw_setup());
  RawOrigin origin(cluster.world(), "raw", raw_address);
  origin.answers({{ok("Cache-Control: max-age=60\r\nETag: \"a\"\r\n")},
                  {not_modified("Cache-Control: max-age=600\r\n")}});
  cluster.get("eu-1", "/a").expect(200).miss();
  cluster.advance(61s);
  cluster.get("eu-1", "/a").expect(200).forwarded("stale").body("hello");
  cluster.advance(500s);
  cluster.get("eu-1", "/a").expect(200).hit();
  REQUIRE(origin.requests() == 2);
}

TEST_CASE("without an entity-tag a 304 of another date confirms nothing, and the whole is fetched",
          "[node][validation]") {
  Cluster cluster(raw_setup());
  RawOrigin origin(cluster.world(), "raw", raw_address);
  origin.answers({{ok("Cache-Control: max-age=60\r\nLast-Modified: Thu, 06 Jun 2024 12:00:00 GMT\r\n")},
                  {not_modified("Last-Modified: Thu, 06 Jun 2024 13:00:00 GMT\r\n")},
                  {"HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\nContent-Length: 3\r\n\r\nnew"}});
  cluster.get("eu-1", "/a").expect(200).miss();
  cluster.advance(61s);
  cluster.get("eu-1", "/a").expect(200).body("new");
  REQUIRE(origin.requests() == 3);
  cluster.get("eu-1", "/a").expect(200).hit().body("new");
}

}  // namespace
}  // namespace perigee::test
