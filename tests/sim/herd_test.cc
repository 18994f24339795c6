// A herd for one cold thing, in small: script/accept cluster runs it with 100 MB.
#include "tests/sim/support/herd.h"

#include <catch2/catch_test_macros.hpp>

namespace perigee::sim {
namespace {

using namespace std::chrono_literals;

HerdOptions small() {
  HerdOptions options;
  options.bytes = 3'000'000;
  options.origin_bytes_per_second = 6'000'000;
  return options;
}

TEST_CASE("a herd at every node is one GET, and nobody waits beyond the way", "[sim][herd]") {
  const HerdFigures figures = run_herd(small());
  REQUIRE(figures.gets == 1);
  REQUIRE(figures.complete == 21);
  REQUIRE(figures.client_errors == 0);
  REQUIRE(figures.wrong == 0);
  REQUIRE(figures.excess <= 1ms);
}

TEST_CASE("an origin that takes five seconds ejects nobody", "[sim][herd]") {
  HerdOptions options = small();
  options.origin_latency = 5s;
  const HerdFigures figures = run_herd(options);
  REQUIRE(figures.gets == 1);
  REQUIRE(figures.complete == 21);
  REQUIRE(figures.excess <= 1ms);
  REQUIRE(figures.ejections == 0);
  REQUIRE(figures.fallbacks == 0);
}

// One more fetch is made at most, and nobody notices.
void check_death_of(HerdOptions::Kill killed) {
  HerdOptions options = small();
  options.kill = killed;
  const HerdFigures figures = run_herd(options);
  REQUIRE(figures.gets <= 2);
  REQUIRE(figures.client_errors == 0);
  REQUIRE(figures.wrong == 0);
}

TEST_CASE("when the node that asked first dies, the others do not notice", "[sim][herd]") {
  check_death_of(HerdOptions::Kill::asker);
}

TEST_CASE("when the owner dies, all go on from one more fetch", "[sim][herd]") {
  check_death_of(HerdOptions::Kill::owner);
}

}  // namespace
}  // namespace perigee::sim
