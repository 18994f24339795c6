// What a fill may hold: windows, the budget, limits.
#include <catch2/catch_test_macros.hpp>
#include <memory>
#include <string>
#include <vector>

#include "tests/unit/fill_rig.h"

using namespace perigee;
using namespace perigee::cache;
using namespace perigee::cache::rig;
using ReadState = Body::ReadState;

TEST_CASE("a fill too large to keep pauses its source for the fastest follower only",
          "[cache][fill][window]") {
  Rig rig;
  TestSource source;
  TestFollower fast, slow;
  slow.slow = true;
  rig.join(fast, rig.home);
  rig.join(slow, rig.other);
  const std::shared_ptr<Fill> fill = fast.fill;
  fill->set_source(&source);
  constexpr uint64_t length = 40 * mib;
  fill->head_arrived(head_of(length));  // over an eighth of 64 MiB
  CHECK_FALSE(fill->kept());
  fast.slow = true;
  uint64_t at = 0;
  auto arrive = [&](uint64_t bytes) {
    fill->append(pattern(1, at, bytes));
    at += bytes;
  };
  while (source.pauses == 0) arrive(64 * kib);
  CHECK(at == 2 * mib);  // half of the window
  fast.slow = false;
  fast.take_all();
  CHECK(source.resumes == 0);  // from the running worker's loop only
  rig.turn();
  CHECK(source.resumes == 1);
  CHECK(fill->fastest() == 2 * mib);
  // The slow one is within the window still, then falls out.
  CHECK(slow.take_some() == ReadState::bytes);
  while (at < 10 * mib) {
    arrive(64 * kib);
    rig.turn();
  }
  CHECK(source.pauses == 1);
  CHECK(slow.take_some() == ReadState::absent);
  CHECK(rig.store.budget().used() < 6 * mib);
  while (at < length) {
    arrive(512 * kib);
    rig.turn();
  }
  fill->finish();
  rig.turn();
  CHECK(fast.bytes.size() == length);
  CHECK(matches_pattern(fast.bytes, 1));
  CHECK(fast.last == ReadState::end);
  CHECK_FALSE(has(rig.store.add_reader(), "k"));
}

TEST_CASE("a fill that has lost its beginning is not joined any more", "[cache][fill][window]") {
  Rig rig;
  TestFollower fast, early, late;
  rig.join(fast, rig.home);
  const std::shared_ptr<Fill> fill = fast.fill;
  fill->head_arrived(head_of(40 * mib));
  fill->append(pattern(1, 0, 1 * mib));
  rig.turn();
  CHECK_FALSE(rig.join(early, rig.other));
  for (uint64_t at = 1 * mib; at < 6 * mib; at += mib) {
    fill->append(pattern(1, at, mib));
    rig.turn();
  }
  CHECK(rig.join(late, rig.other));
  CHECK(early.bytes.size() == 6 * mib);
}

TEST_CASE("a body that turns out too large goes on in a window", "[cache][fill][window]") {
  Rig rig;
  TestSource source;
  TestFollower fast, slow;
  slow.slow = true;
  rig.join(fast, rig.home);
  rig.join(slow, rig.other);
  const std::shared_ptr<Fill> fill = fast.fill;
  fill->set_source(&source);
  fill->head_arrived(head_of(std::nullopt));
  uint64_t at = 0;
  for (; at < 8 * mib; at += 64 * kib) {
    fill->append(pattern(1, at, 64 * kib));
    if (at % mib == 0) rig.turn();
  }
  CHECK(fill->kept());
  CHECK(slow.take_some() == ReadState::bytes);
  for (; at < 20 * mib; at += 64 * kib) {
    fill->append(pattern(1, at, 64 * kib));
    rig.turn();
  }
  CHECK_FALSE(fill->kept());
  CHECK(slow.take_some() == ReadState::absent);
  CHECK(source.pauses == source.resumes);
  fill->finish();
  rig.turn();
  CHECK(matches_pattern(fast.bytes, 1));
  CHECK(fast.bytes.size() == 20 * mib);
  CHECK_FALSE(has(rig.store.add_reader(), "k"));
  CHECK(rig.store.budget().used() < 8 * mib);
}

TEST_CASE("a fill with one reader holds no more than its window, and loses nothing",
          "[cache][fill][window]") {
  Rig rig;
  TestSource source;
  TestFollower alone;
  alone.slow = true;
  const uint64_t before = rig.store.budget().used();
  alone.fill = rig.table.start_private(key_of("k"), rig.home.fills, alone, false);
  alone.fill->set_source(&source);
  alone.fill->head_arrived(head_of(std::nullopt, false));
  uint64_t at = 0;
  while (at < 5 * mib) {
    if (source.pauses == source.resumes) {
      alone.fill->append(pattern(1, at, 16 * kib));
      at += 16 * kib;
      CHECK(rig.store.budget().used() < before + 512 * kib);
    } else {
      REQUIRE(alone.take_some() == ReadState::bytes);
      rig.turn();
    }
  }
  CHECK(source.pauses > 10);
  alone.fill->finish();
  alone.take_all();
  CHECK(alone.bytes.size() == at);
  CHECK(matches_pattern(alone.bytes, 1));
  CHECK(alone.last == ReadState::end);
}

TEST_CASE("bodies in flight never take more than half of the budget", "[cache][fill][budget]") {
  Rig rig(16 * mib);
  std::vector<std::unique_ptr<TestFollower>> followers;
  for (int i = 0; i < 20; ++i) {
    followers.push_back(std::make_unique<TestFollower>());
    rig.join(*followers.back(), rig.home, "k" + std::to_string(i));
    followers.back()->slow = true;
    followers.back()->fill->head_arrived(head_of(3 * mib / 2));
    followers.back()->fill->append(pattern(1, 0, mib));
  }
  int kept = 0;
  for (auto& follower : followers) kept += follower->fill->kept() ? 1 : 0;
  CHECK(kept == 8);
}

TEST_CASE("the store makes room for what fills take in", "[cache][fill][budget]") {
  Rig rig(16 * mib);
  for (int i = 0; i < 14'000; ++i) put_small(rig.store, "filler" + std::to_string(i), pattern(1, 0, 1000));
  TestFollower leader;
  rig.join(leader, rig.home);
  leader.fill->head_arrived(head_of(2 * mib - 100'000));
  for (int i = 0; i < 10; ++i) {
    leader.fill->append(pattern(1, 0, 100'000));
    CHECK_FALSE(rig.store.budget().exceeded());
  }
  CHECK(leader.fill->kept());
}

TEST_CASE("limits: beyond them the caller goes forward alone", "[cache][fill][limits]") {
  FillLimits limits;
  limits.followers_max = 2;
  limits.fills_max = 2;
  Rig rig(64 * mib, limits);
  TestFollower one, two, three, four;
  CHECK(rig.join(one, rig.home));
  CHECK_FALSE(rig.join(two, rig.home));
  CHECK_FALSE(rig.join(three, rig.home));
  CHECK(three.fill == nullptr);
  CHECK(rig.join(three, rig.home, "second"));
  CHECK_FALSE(rig.join(four, rig.home, "third"));
  CHECK(four.fill == nullptr);
  three.fill->failed({Side::upstream, "reset", ""});
  CHECK(rig.join(four, rig.home, "third"));
}
