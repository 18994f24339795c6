#include "edge/cache/segment_queue.h"

#include <algorithm>
#include <catch2/catch_test_macros.hpp>
#include <map>
#include <vector>

#include "edge/base/random.h"

namespace perigee::cache {
namespace {

// Segments of one queue, by id and age, and how often the queue asked.
class Table final : public SegmentTable {
 public:
  SegmentQueue queue{0};
  size_t questions = 0;

  void push(SegmentId id) {
    segments_[id].push_back(++last_);
    queue.push(id, 1);
  }
  // The youngest of that id leaves.
  void remove(SegmentId id) {
    auto& of_id = segments_.at(id);
    of_id.pop_back();
    if (of_id.empty()) segments_.erase(id);
    queue.removed(1, *this);
  }
  // Pops until a segment comes; its age, or 0 when there are no slots any more.
  uint64_t pop() {
    Segment segment;
    while (queue.has_slots()) {
      if (!queue.pop(*this, segment)) continue;
      auto& of_id = segments_.at(segment.id);
      const uint64_t age = of_id.front();
      of_id.erase(of_id.begin());
      if (of_id.empty()) segments_.erase(segment.id);
      return age;
    }
    return 0;
  }
  size_t of(SegmentId id) const {
    const auto known = segments_.find(id);
    return known == segments_.end() ? 0 : known->second.size();
  }
  bool empty() const { return segments_.empty(); }

 private:
  bool oldest(SegmentId id, uint8_t, Segment& out) override {
    if (of(id) == 0) return false;
    out = {nullptr, id, 1, 0};
    return true;
  }
  size_t count(SegmentId id, uint8_t) override {
    ++questions;
    return of(id);
  }
  void move(const Segment&, uint8_t, uint8_t) override {}
  void evict(const Segment&) override {}

  std::map<SegmentId, std::vector<uint64_t>> segments_;
  uint64_t last_ = 0;
};

TEST_CASE("of a hundred thousand segments that are removed one by one no removal takes long",
          "[cache][eviction]") {
  Table table;
  std::vector<SegmentId> ids(100'000);
  for (size_t i = 0; i < ids.size(); ++i) table.push(ids[i] = static_cast<SegmentId>(i * 2654435761u));
  Random random(1);
  for (size_t i = ids.size() - 1; i > 0; --i) std::swap(ids[i], ids[random.below(i + 1)]);
  size_t most = 0;
  for (const SegmentId id : ids) {
    const size_t before = table.questions;
    table.remove(id);
    most = std::max(most, table.questions - before);
    REQUIRE(table.queue.slots() <= 3 * table.queue.segments() + 2048);
  }
  CHECK(most <= 4);
  CHECK(table.queue.empty());
}

TEST_CASE("what is removed and comes back again and again leaves few slots behind", "[cache][eviction]") {
  Table table;
  for (SegmentId id = 0; id < 3000; ++id) table.push(id);
  for (size_t round = 0; round < 100; ++round) {
    for (SegmentId id = 0; id < 3000; ++id) {
      table.remove(id);
      table.push(id);
      REQUIRE(table.queue.slots() <= 4 * 3000 + 2048);
    }
  }
  CHECK(table.queue.segments() == 3000);
}

TEST_CASE("a pass over the slots keeps the order of what stays", "[cache][eviction]") {
  Table table;
  for (SegmentId id = 0; id < 20'000; ++id) table.push(id);
  for (SegmentId id = 0; id < 20'000; ++id) {
    if (id % 16 != 0) table.remove(id);
  }
  uint64_t before = 0;
  for (size_t i = 0; i < 20'000 / 16; ++i) {
    const uint64_t age = table.pop();
    REQUIRE(age > before);
    before = age;
  }
  CHECK(table.pop() == 0);
}

TEST_CASE("whatever happens while a pass is under way, every segment comes out once", "[cache][eviction]") {
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    INFO(seed);
    Table table;
    Random random(seed);
    // Few ids with several segments each, or many with hardly more than one.
    const uint64_t ids = seed % 2 == 0 ? 500 : 20'000;
    for (size_t step = 0; step < 60'000; ++step) {
      const auto id = static_cast<SegmentId>(random.below(ids));
      const uint64_t dice = random.below(100);
      // Now it grows, now it shrinks.
      const uint64_t pushes = step / 10'000 % 2 == 0 ? 80 : 20;
      if (dice < pushes) {
        table.push(id);
      } else if (dice < 95) {
        if (table.of(id) > 0) table.remove(id);
      } else {
        table.pop();
      }
    }
    const size_t left = table.queue.segments();
    size_t came = 0;
    while (table.pop() != 0) ++came;
    REQUIRE(came == left);
    REQUIRE(table.empty());
  }
}

}  // namespace
}  // namespace perigee::cache
