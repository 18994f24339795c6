#include "edge/base/jitter.h"

#include <algorithm>
#include <catch2/catch_test_macros.hpp>

using namespace perigee;
using namespace std::chrono_literals;

TEST_CASE("a drawn time keeps within its share, comes near both ends of it, and is the same for a seed") {
  Random random(7);
  Random again(7);
  Duration least = 10s;
  Duration most = 10s;
  for (int i = 0; i < 1000; ++i) {
    const Duration drawn = jittered(10s, 0.2, random);
    REQUIRE(drawn == jittered(10s, 0.2, again));
    least = std::min(least, drawn);
    most = std::max(most, drawn);
  }
  CHECK(least >= 8s);
  CHECK(least < 8100ms);
  CHECK(most <= 12s);
  CHECK(most > 11900ms);
  CHECK(jittered(10s, 0, random) == 10s);
}
