// Requests that no server may accept, sent to a whole node.
#include "tests/unit/malformed_requests.h"

#include <catch2/catch_test_macros.hpp>

#include "tests/node/support/cluster.h"

namespace perigee::test {
namespace {

using namespace std::chrono_literals;

TEST_CASE("a malformed head is answered with its status, the connection is closed, the origin hears nothing",
          "[node][malformed]") {
  Cluster cluster;
  cluster.origin().on("/").reply(200).body("never");
  const std::vector<http::test::MalformedRequest> requests = http::test::malformed_requests();
  REQUIRE(requests.size() >= 120);
  for (const http::test::MalformedRequest& each : requests) {
    INFO(each.name);
    TestConnection& connection = cluster.connect("eu-1");
    connection.send(each.bytes + "GET /smuggled HTTP/1.1\r\nhost: a.example\r\n\r\n");
    cluster.advance(1s);
    REQUIRE(connection.received().starts_with("HTTP/1.1 " + std::to_string(each.status) + " "));
    REQUIRE(connection.received().find("HTTP/1.1 ", 1) == std::string::npos);
    REQUIRE(connection.ended());
    REQUIRE(cluster.origin().requests().empty());
  }
  REQUIRE(cluster.metric(Metric::requests_bad) == requests.size());
}

TEST_CASE("malformed content is never complete at the origin, nor what follows it a request",
          "[node][malformed]") {
  for (const http::test::MalformedRequest& each : http::test::malformed_contents()) {
    INFO(each.name);
    Cluster cluster;
    cluster.origin().on("/form").reply(200).body("never");
    TestConnection& connection = cluster.connect("eu-1");
    connection.send(each.bytes + "GET /smuggled HTTP/1.1\r\nhost: a.example\r\n\r\n");
    cluster.advance(1s);
    REQUIRE(connection.received().find(" 200 ") == std::string::npos);
    REQUIRE(connection.ended());
    REQUIRE(cluster.origin().count("GET", "/smuggled") == 0);
    for (const ReceivedRequest& request : cluster.origin().requests()) REQUIRE(!request.complete);
  }
}

}  // namespace
}  // namespace perigee::test
