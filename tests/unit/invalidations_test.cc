#include "edge/cache/invalidations.h"

#include <catch2/catch_test_macros.hpp>

#include "tests/unit/fill_rig.h"

namespace perigee::cache {
namespace {

TEST_CASE("what was sent before an invalidation is outdated, what is sent after it is not",
          "[cache][invalidation]") {
  Invalidations known;
  const uint64_t before = known.count();
  known.add(7, 100);
  REQUIRE(known.since(7, before));
  REQUIRE(!known.since(7, known.count()));
  REQUIRE(!known.since(8, before));
  const uint64_t between = known.count();
  known.add(7, 101);
  REQUIRE(known.since(7, between));
}

TEST_CASE("the last id of a key is known, and others' are not mistaken for it", "[cache][invalidation]") {
  Invalidations known;
  REQUIRE(!known.last_id(7));
  known.add(7, 100);
  known.add(7, 101);
  known.add(7 + 2048, 200);  // shares the slot
  REQUIRE(known.last_id(7) == 101);
  REQUIRE(known.last_id(7 + 2048) == 200);
  REQUIRE(known.knows(7, 100));
  REQUIRE(known.knows(7, 101));
  REQUIRE(!known.knows(7, 200));
  REQUIRE(!known.knows(8, 100));
}

TEST_CASE(
    "a key that shares a slot with an invalidated one is not outdated, as long as the slot remembers both",
    "[cache][invalidation]") {
  Invalidations known;
  known.add(7, 100);
  REQUIRE(!known.since(7 + 2048, 0));
  for (uint64_t i = 2; i <= 4; ++i) known.add(7 + 2048 * i, 100 + i);
  REQUIRE(!known.since(7 + 2048, 0));
  const uint64_t four = known.count();
  known.add(7 + 2048 * 5, 105);
  REQUIRE(known.since(7 + 2048, 0));   // the first of the slot was forgotten, and it may have been this key's
  REQUIRE(!known.since(7 + 2048, 1));  // it was the first, so later stamps know
  REQUIRE(!known.since(7 + 2048, four));
  REQUIRE(known.since(7 + 2048 * 5, four));
}

TEST_CASE("of a slot the oldest ids are forgotten first, and never that it was invalidated",
          "[cache][invalidation]") {
  Invalidations known;
  known.add(7, 100);
  for (uint64_t i = 1; i <= 4; ++i) known.add(7 + 2048 * i, 100 + i);
  REQUIRE(!known.last_id(7));
  REQUIRE(!known.knows(7, 100));
  REQUIRE(known.last_id(7 + 2048) == 101);
  REQUIRE(known.since(7, 0));
}

TEST_CASE("a fill that was sent before an invalidation of its key is not stored, one sent after it is",
          "[cache][invalidation][fill]") {
  for (const bool again : {false, true}) {
    rig::Rig rig;
    rig::TestFollower follower;
    rig.join(follower, rig.home);
    const auto fill = follower.fill;
    const uint64_t hash = rig::key_of("k").hash;
    REQUIRE(!fill->invalidated(hash));
    fill->sent(0);
    rig.table.invalidations().add(hash, 1);
    REQUIRE(fill->invalidated(hash));
    REQUIRE(!fill->invalidated(hash + 1));
    // To the next target.
    if (again) fill->sent(0);
    fill->head_arrived(rig::head_of(5));
    fill->append("hello");
    fill->finish();
    REQUIRE(fill->state() == Fill::State::complete);
    REQUIRE(rig.store.stats().responses == (again ? 1 : 0));
    rig.turn();
    REQUIRE(follower.bytes == "hello");
  }
}

}  // namespace
}  // namespace perigee::cache
