#include "edge/serve/glitch_budget.h"

#include <catch2/catch_test_macros.hpp>

using namespace perigee;
using namespace perigee::serve;
using namespace std::chrono_literals;

TEST_CASE("a budget of glitches ends, and refills with time", "[h2]") {
  GlitchBudget budget(200);
  const MonoTime start = MonoTime(1h);
  CHECK(budget.spend(150, start));
  CHECK(budget.spend(50, start));
  CHECK(!budget.spend(1, start));
  CHECK(!budget.spend(1, start + 99ms));
  // 10 a second, since the last ones were earned.
  CHECK(budget.spend(10, start + 1s));
  CHECK(!budget.spend(1, start + 1s));
  CHECK(budget.spend(200, start + 60s));
  CHECK(!budget.spend(1, start + 60s));
}

TEST_CASE("a steady trickle below the refill is for ever", "[h2]") {
  GlitchBudget budget(200);
  for (int i = 0; i < 10'000; ++i) REQUIRE(budget.spend(1, MonoTime(std::chrono::milliseconds(110 * i))));
}
