// A simulation is a function of its seed.
#include <catch2/catch_test_macros.hpp>

#include "tests/sim/support/simulation.h"

namespace perigee::sim {
namespace {

using namespace std::chrono_literals;

RunResult run(uint64_t seed) { return Simulation(make_scenario(seed, Profile::any, 10s)).run(); }

TEST_CASE("one seed is one run, event by event, and another seed another", "[sim][replay]") {
  for (const uint64_t seed : {11u, 12u, 13u}) {
    const RunResult first = run(seed);
    REQUIRE(first.figures.asks > 0);
    REQUIRE(first.trace == run(seed).trace);
    REQUIRE(first.trace != run(seed + 100).trace);
  }
}

TEST_CASE("listening to a run does not change it", "[sim][replay]") {
  const Scenario scenario = make_scenario(17, Profile::any, 10s);
  size_t lines = 0;
  const RunResult heard = Simulation(scenario, [&](const std::string&) { ++lines; }).run();
  REQUIRE(lines > 0);
  REQUIRE(heard.trace == Simulation(scenario).run().trace);
}

}  // namespace
}  // namespace perigee::sim
