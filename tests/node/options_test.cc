// OPTIONS through a node: of the whole server, and counted down on its way (RFC 9110 7.6.2, 9.3.7).
#include <catch2/catch_test_macros.hpp>

#include "tests/node/support/cluster.h"
#include "tests/node/support/raw_origin.h"

namespace perigee::test {
namespace {

const std::string empty_answer = "HTTP/1.1 204 No Content\r\nAllow: GET\r\n\r\n";

// A node before an origin that keeps what it was sent.
struct OptionsRig {
  Cluster cluster{Setup().origin("servers = [\"10.9.0.9:80\"]\n")};
  RawOrigin origin{cluster.world(), "raw", net::Address::parse("10.9.0.9:80").value()};
  OptionsRig() { origin.answers({{empty_answer}}); }
  bool sent(std::string_view text) const {
    for (size_t i = 0; i < origin.connections(); ++i) {
      if (origin.received(i).find(text) != std::string::npos) return true;
    }
    return false;
  }
};

TEST_CASE("OPTIONS for the server as a whole stays one on its way", "[node][options]") {
  for (const std::string target : {"*", "http://site.test"}) {
    INFO(target);
    OptionsRig rig;
    rig.cluster.request("eu-1", "OPTIONS", target).expect(204);
    REQUIRE(rig.sent("OPTIONS * HTTP/1.1\r\n"));
  }
  OptionsRig rig;
  rig.cluster.request("eu-1", "OPTIONS", "/").expect(204);
  REQUIRE(rig.sent("OPTIONS / HTTP/1.1\r\n"));
}

TEST_CASE("Max-Forwards is counted down, and ends at zero", "[node][options]") {
  OptionsRig rig;
  rig.cluster.request("eu-1", "OPTIONS", "/a", {{"max-forwards", "7"}}).expect(204);
  REQUIRE(rig.sent("max-forwards: 6\r\n"));
  rig.cluster.request("eu-1", "OPTIONS", "/a", {{"max-forwards", "1"}}).expect(204);
  REQUIRE(rig.sent("max-forwards: 0\r\n"));
  REQUIRE(rig.origin.requests() == 2);
  const Reply own = rig.cluster.request("eu-1", "OPTIONS", "/a", {{"max-forwards", "0"}});
  own.expect(200).body("").field("allow", "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS");
  REQUIRE(rig.origin.requests() == 2);
  const auto& lines = rig.cluster.exchanges("eu-1").lines;
  REQUIRE(lines.size() == 3);
  CHECK(
      (lines.back().status == 200 && lines.back().cache == "none" && lines.back().detail == "max-forwards"));
  CHECK((lines.back().method == "OPTIONS" && lines.back().path == "/a" && !lines.back().site.empty()));
}

TEST_CASE("Max-Forwards of other methods, or that is no number, passes as it came", "[node][options]") {
  OptionsRig rig;
  rig.cluster.request("eu-1", "GET", "/a", {{"max-forwards", "0"}}).expect(204);
  REQUIRE(rig.sent("max-forwards: 0\r\n"));
  rig.cluster.request("eu-1", "OPTIONS", "/a", {{"max-forwards", "many"}}).expect(204);
  REQUIRE(rig.sent("max-forwards: many\r\n"));
}

}  // namespace
}  // namespace perigee::test
