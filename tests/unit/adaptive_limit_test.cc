#include "edge/cluster/adaptive_limit.h"

#include <catch2/catch_test_macros.hpp>

namespace perigee::cluster {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr MonoTime start{seconds(1000)};

void answer_rounds(AdaptiveLimit& limit, int rounds) {
  for (int round = 0; round < rounds; ++round) {
    for (uint32_t left = limit.limit() + 1; left > 0; --left) limit.answered(limit.limit());
  }
}

}  // namespace

TEST_CASE("a limit begins at its most and falls by a third for every overload", "[cluster][adaptive]") {
  AdaptiveLimit limit(4, 90);
  REQUIRE(limit.limit() == 90);
  REQUIRE(limit.overloaded(start, start));
  REQUIRE(limit.limit() == 60);
  REQUIRE(limit.overloaded(start, start + seconds(1)));
  REQUIRE(limit.limit() == 40);
}

TEST_CASE("requests that were under way when the limit fell do not lower it again", "[cluster][adaptive]") {
  AdaptiveLimit limit(4, 90);
  REQUIRE(limit.overloaded(start, start + seconds(1)));
  for (int i = 0; i < 60; ++i) REQUIRE(!limit.overloaded(start + milliseconds(i), start + seconds(2)));
  REQUIRE(limit.limit() == 60);
  REQUIRE(limit.overloaded(start + seconds(1), start + seconds(3)));
}

TEST_CASE("a limit never falls below its least", "[cluster][adaptive]") {
  AdaptiveLimit limit(4, 90);
  int lowered = 0;
  for (int i = 0; i < 100; ++i) lowered += limit.overloaded(start + seconds(i), start + seconds(i));
  REQUIRE(limit.limit() == 4);
  REQUIRE(lowered == 8);
}

TEST_CASE("a limit in use grows by about one a round, up to its most", "[cluster][adaptive]") {
  AdaptiveLimit limit(4, 30);
  limit.overloaded(start, start);
  REQUIRE(limit.limit() == 20);
  answer_rounds(limit, 5);
  REQUIRE(limit.limit() == 25);
  answer_rounds(limit, 50);
  REQUIRE(limit.limit() == 30);
}

TEST_CASE("a limit that is not in use does not grow", "[cluster][adaptive]") {
  AdaptiveLimit limit(4, 30);
  limit.overloaded(start, start);
  for (int i = 0; i < 1000; ++i) limit.answered(19);
  REQUIRE(limit.limit() == 20);
}

TEST_CASE("new bounds keep what was found out within them", "[cluster][adaptive]") {
  AdaptiveLimit limit(4, 30);
  limit.set_bounds(4, 60);
  REQUIRE(limit.limit() == 60);
  limit.overloaded(start, start);
  limit.set_bounds(4, 100);
  REQUIRE(limit.limit() == 40);
  limit.set_bounds(50, 100);
  REQUIRE(limit.limit() == 50);
  limit.set_bounds(4, 10);
  REQUIRE(limit.limit() == 10);
  // What is at its most stays there.
  limit.set_bounds(4, 100);
  REQUIRE(limit.limit() == 100);
}

}  // namespace perigee::cluster
