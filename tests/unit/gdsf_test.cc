#include "edge/cache/gdsf.h"

#include <algorithm>
#include <catch2/catch_test_macros.hpp>
#include <map>
#include <vector>

#include "edge/base/random.h"

namespace perigee::cache {
namespace {

// Segments by id, and how often the strategy asked how many there are.
class Table final : public SegmentTable {
 public:
  Gdsf gdsf;
  size_t questions = 0;

  void add(SegmentId id) {
    gdsf.admit(id, 1);
    ++segments_[id];
  }
  void remove(SegmentId id) {
    if (--segments_.at(id) == 0) segments_.erase(id);
    gdsf.removed(id, 0, 1, *this);
  }
  size_t evict_all() {
    size_t evicted = 0;
    while (gdsf.evict_one(*this)) ++evicted;
    return evicted;
  }
  size_t size() const {
    size_t size = 0;
    for (const auto& [id, count] : segments_) size += count;
    return size;
  }

 private:
  bool oldest(SegmentId id, uint8_t, Segment& out) override {
    if (segments_.count(id) == 0) return false;
    out = {nullptr, id, 1, 0};
    return true;
  }
  size_t count(SegmentId id, uint8_t) override {
    ++questions;
    const auto known = segments_.find(id);
    return known == segments_.end() ? 0 : known->second;
  }
  void move(const Segment&, uint8_t, uint8_t) override {}
  void evict(const Segment& segment) override {
    if (--segments_.at(segment.id) == 0) segments_.erase(segment.id);
  }

  std::map<SegmentId, size_t> segments_;
};

TEST_CASE("of a hundred thousand segments that GDSF loses one by one no removal takes long",
          "[cache][eviction]") {
  Table table;
  std::vector<SegmentId> ids(100'000);
  for (size_t i = 0; i < ids.size(); ++i) table.add(ids[i] = static_cast<SegmentId>(i * 2654435761u));
  const size_t full = table.gdsf.memory_bytes();
  Random random(1);
  for (size_t i = ids.size() - 1; i > 0; --i) std::swap(ids[i], ids[random.below(i + 1)]);
  size_t most = 0;
  for (const SegmentId id : ids) {
    const size_t before = table.questions;
    table.remove(id);
    most = std::max(most, table.questions - before);
  }
  CHECK(most <= 4);
  CHECK(table.gdsf.memory_bytes() < full / 10);
  CHECK(table.evict_all() == 0);
}

TEST_CASE("GDSF keeps a slot of every segment, whatever comes and goes while it drops those of others",
          "[cache][eviction][property]") {
  Table table;
  Random random(3);
  // Few ids, so that many have several segments and come back while their old slots are there.
  std::vector<SegmentId> there;
  for (int round = 0; round < 200'000; ++round) {
    const bool growing = round / 20'000 % 2 == 0;
    if (there.empty() || random.below(100) < (growing ? 70u : 20u)) {
      there.push_back(static_cast<SegmentId>(random.below(5'000)));
      table.add(there.back());
    } else {
      std::swap(there[random.below(there.size())], there.back());
      table.remove(there.back());
      there.pop_back();
    }
  }
  const size_t left = table.size();
  CHECK(left == there.size());
  CHECK(table.evict_all() == left);
  CHECK(table.size() == 0);
}

}  // namespace
}  // namespace perigee::cache
