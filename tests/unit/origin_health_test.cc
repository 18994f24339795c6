#include "edge/cluster/origin_health.h"

#include <catch2/catch_test_macros.hpp>

namespace perigee::cluster {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr MonoTime start{seconds(1000)};

// So many requests at once, of which the first so many fail; how many were admitted.
uint32_t send(OriginHealth& health, uint32_t count, uint32_t failing, MonoTime now) {
  uint32_t admitted = 0;
  for (uint32_t i = 0; i < count; ++i) {
    const OriginHealth::Admission admission = health.admit(now);
    if (!admission.granted) continue;
    ++admitted;
    health.ended(admission, i >= failing, now);
  }
  return admitted;
}

}  // namespace

TEST_CASE("a breaker opens when nine of ten in ten seconds failed, and not for fewer", "[cluster][origin]") {
  struct Case {
    uint32_t requests;
    uint32_t failing;
    bool opens;
  };
  for (const Case& each : {Case{20, 20, true},
                           {19, 19, false},
                           {20, 18, true},
                           {20, 17, false},
                           {200, 100, false},
                           {0, 0, false}}) {
    CAPTURE(each.requests, each.failing);
    OriginHealth health({}, Random(1));
    // The good ones first: a run of failures alone opens nothing.
    send(health, each.requests - each.failing, 0, start);
    send(health, each.failing, each.failing, start);
    REQUIRE((health.state(start) == OriginState::open) == each.opens);
    REQUIRE(health.usable(start) == !each.opens);
  }
}

TEST_CASE("failures of more than ten seconds ago count for nothing", "[cluster][origin]") {
  OriginHealth health({}, Random(1));
  send(health, 19, 19, start);
  send(health, 1, 1, start + seconds(10));
  REQUIRE(health.state(start + seconds(10)) == OriginState::up);
  REQUIRE(health.recent(start + seconds(10)).failed == 1);
}

TEST_CASE("a breaker at zero percent never opens", "[cluster][origin]") {
  OriginHealthOptions options;
  options.breaker_percent = 0;
  OriginHealth health(options, Random(1));
  REQUIRE(send(health, 1000, 1000, start) == 1000);
}

TEST_CASE("an open breaker lets nothing through, then one trial at a time, and closes after three good ones",
          "[cluster][origin]") {
  OriginHealth health({}, Random(1));
  send(health, 20, 20, start);
  REQUIRE(!health.admit(start + milliseconds(4400)).granted);
  const MonoTime later = start + milliseconds(5600);
  REQUIRE(health.state(later) == OriginState::trial);
  for (int i = 0; i < 3; ++i) {
    REQUIRE(health.usable(later));
    const auto trial = health.admit(later);
    REQUIRE(trial.trial);
    REQUIRE(!health.usable(later));
    REQUIRE(!health.admit(later).granted);
    REQUIRE(!health.ended(trial, true, later));
  }
  REQUIRE(health.state(later) == OriginState::recovering);
  REQUIRE(send(health, 100, 0, later) == 100);
}

TEST_CASE("a failed trial opens the breaker again, and one that says nothing makes room for another",
          "[cluster][origin]") {
  OriginHealth health({}, Random(1));
  send(health, 20, 20, start);
  const MonoTime later = start + seconds(6);
  health.withdrawn(health.admit(later));
  const auto trial = health.admit(later);
  REQUIRE(trial.trial);
  REQUIRE(health.ended(trial, false, later));
  REQUIRE(!health.admit(later).granted);
  REQUIRE(health.admit(later + seconds(6)).trial);
}

TEST_CASE("requests of before the breaker opened change nothing", "[cluster][origin]") {
  OriginHealth health({}, Random(1));
  const auto slow = health.admit(start);
  send(health, 20, 20, start);
  const MonoTime later = start + seconds(6);
  const auto trial = health.admit(later);
  REQUIRE(!health.ended(slow, false, later));
  health.withdrawn(slow);
  REQUIRE(!health.admit(later).granted);
  REQUIRE(!health.ended(trial, true, later));
  // The trials go on.
  REQUIRE(health.state(later) == OriginState::trial);
  REQUIRE(health.admit(later).trial);
}

TEST_CASE("probes take a server out after three failed in a row and let it back after two good ones",
          "[cluster][origin]") {
  OriginHealth health({}, Random(1));
  using Probed = OriginHealth::Probed;
  for (const bool good : {false, false, true, false, false})
    REQUIRE(health.probed(good, start) == Probed::unchanged);
  REQUIRE(health.probed(false, start) == Probed::down);
  REQUIRE(health.probed(false, start) == Probed::unchanged);
  REQUIRE(health.state(start) == OriginState::down);
  REQUIRE(!health.usable(start));
  // Whoever has nobody else may ask it.
  REQUIRE(health.admit(start).granted);
  health.probed(true, start);
  health.probed(false, start);
  health.probed(true, start);
  REQUIRE(!health.usable(start));
  REQUIRE(health.probed(true, start) == Probed::back);
  REQUIRE(health.usable(start));
  REQUIRE(health.state(start) == OriginState::recovering);
  for (int i = 0; i < 3; ++i) health.probed(false, start);
  health.forget_probes();
  REQUIRE(health.usable(start));
}

TEST_CASE("a server that is back keeps a growing share of its turns", "[cluster][origin]") {
  OriginHealth health({}, Random(1));
  const auto kept = [&](MonoTime now) {
    int count = 0;
    for (int i = 0; i < 1000; ++i) count += health.keeps_turn(now);
    return count;
  };
  REQUIRE(kept(start) == 1000);
  for (int i = 0; i < 3; ++i) health.probed(false, start);
  for (int i = 0; i < 2; ++i) health.probed(true, start);
  struct Case {
    Duration after;
    int share;
  };
  for (const Case& each : {Case{seconds(0), 100},
                           {milliseconds(500), 100},
                           {seconds(3), 300},
                           {seconds(9), 900},
                           {seconds(10), 1000}}) {
    CAPTURE(each.share);
    REQUIRE(std::abs(kept(start + each.after) - each.share) <= 2);
  }
  REQUIRE(health.state(start + seconds(10)) == OriginState::up);
}

}  // namespace perigee::cluster
