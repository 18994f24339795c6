// Requests that may be a replay (RFC 8470), said to be so by whoever took them early, on a whole node.
#include <algorithm>
#include <catch2/catch_test_macros.hpp>

#include "tests/node/support/cluster.h"

namespace perigee::test {
namespace {

TEST_CASE("nobody waits for what was asked early, nor for a part of it", "[node][early]") {
  for (const bool part : {false, true}) {
    INFO("part " << part);
    Cluster cluster(Setup{});
    cluster.origin().on("/a").reply(200).max_age(60).body(std::string(100'000, 'x')).etag("\"v\"");
    Headers headers;
    if (part) headers.emplace_back("range", "bytes=10-19");
    Headers early = headers;
    early.emplace_back("early-data", "1");
    TestConnection& first = cluster.ask("eu-1", "/a", early);
    TestConnection& second = cluster.ask("eu-1", "/a", headers);
    TestConnection& third = cluster.ask("eu-1", "/a", headers);
    cluster.run();
    for (TestConnection* client : {&first, &second, &third}) {
      REQUIRE(client->answers() == 1);
      CHECK(client->answer(0).status / 100 == 2);
    }
    // The two others share one.
    REQUIRE(cluster.origin().requests().size() == 2);
    const auto& asked = cluster.origin().requests();
    CHECK(std::ranges::count_if(asked, [](const auto& each) { return each.header("early-data") == "1"; }) ==
          1);
  }
}

}  // namespace
}  // namespace perigee::test
