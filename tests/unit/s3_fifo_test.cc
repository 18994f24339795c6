#include "edge/cache/s3_fifo.h"

#include <algorithm>
#include <catch2/catch_test_macros.hpp>
#include <string>
#include <unordered_map>
#include <vector>

#include "edge/base/hash.h"
#include "edge/base/random.h"
#include "edge/cache/lru.h"

using namespace perigee;
using namespace perigee::cache;

namespace {

// A cache of nothing but ids: what a shard is to a strategy.
class Toy final : public SegmentTable {
 public:
  Toy(EvictionKind kind, uint64_t capacity) : strategy_(make_eviction(kind)), capacity_(capacity) {}

  // True on a hit.
  bool get(SegmentId id, uint64_t bytes = 1) {
    const auto known = segments_.find(id);
    if (known != segments_.end()) {
      if (known->second.hits < hits_max) ++known->second.hits;
      strategy_->touched(id);
      return true;
    }
    while (used_ + bytes > capacity_ && strategy_->evict_one(*this)) {
    }
    segments_[id] = {bytes, 0, strategy_->admit(id, bytes)};
    used_ += bytes;
    return false;
  }
  void remove(SegmentId id) {
    const auto known = segments_.find(id);
    if (known == segments_.end()) return;
    const State state = known->second;
    segments_.erase(known);
    used_ -= state.bytes;
    strategy_->removed(id, state.queue, state.bytes, *this);
  }
  bool has(SegmentId id) const { return segments_.count(id) != 0; }
  bool evict_one() { return strategy_->evict_one(*this); }
  uint64_t used() const { return used_; }
  size_t memory() const { return strategy_->memory_bytes(); }

 private:
  struct State {
    uint64_t bytes = 0;
    uint8_t hits = 0;
    uint8_t queue = 0;
  };

  bool oldest(SegmentId id, uint8_t queue, Segment& out) override {
    const auto known = segments_.find(id);
    if (known == segments_.end() || known->second.queue != queue) return false;
    out = {&known->second, id, known->second.bytes, known->second.hits};
    return true;
  }
  size_t count(SegmentId id, uint8_t queue) override {
    const auto known = segments_.find(id);
    return known != segments_.end() && known->second.queue == queue ? 1 : 0;
  }
  void move(const Segment& segment, uint8_t queue, uint8_t hits) override {
    auto* state = static_cast<State*>(segment.owner);
    state->queue = queue;
    state->hits = hits;
  }
  void evict(const Segment& segment) override {
    used_ -= segment.bytes;
    segments_.erase(segment.id);
  }

  std::unique_ptr<EvictionStrategy> strategy_;
  const uint64_t capacity_;
  uint64_t used_ = 0;
  std::unordered_map<SegmentId, State> segments_;
};

SegmentId id_of(uint64_t number) { return static_cast<SegmentId>(hash64(number, 1)); }

// Ranks by Zipf's law with exponent 1, by inversion of the harmonic sum.
class Zipf {
 public:
  Zipf(size_t count, uint64_t seed) : random_(seed) {
    double sum = 0;
    for (size_t rank = 1; rank <= count; ++rank)
      cumulative_.push_back(sum += 1.0 / static_cast<double>(rank));
  }
  uint64_t next() {
    const double at = random_.unit() * cumulative_.back();
    return static_cast<uint64_t>(std::lower_bound(cumulative_.begin(), cumulative_.end(), at) -
                                 cumulative_.begin());
  }
  Random& random() { return random_; }

 private:
  std::vector<double> cumulative_;
  Random random_;
};

constexpr size_t catalogue = 20'000;

// one_hit: how much of the traffic asks for something that nobody asks for again.
double hit_ratio(EvictionKind kind, uint64_t capacity, double one_hit) {
  Toy cache(kind, capacity);
  Zipf zipf(catalogue, 99);
  uint64_t fresh = catalogue;
  size_t hits = 0;
  constexpr size_t requests = 150'000;
  for (size_t i = 0; i < requests; ++i) {
    const bool once = zipf.random().chance(one_hit);
    if (cache.get(id_of(once ? ++fresh : zipf.next()))) ++hits;
  }
  return static_cast<double>(hits) / requests;
}

// A popular set, with a scan over everything now and then.
double hit_ratio_with_scans(EvictionKind kind, uint64_t capacity) {
  Toy cache(kind, capacity);
  Zipf zipf(catalogue, 5);
  size_t hits = 0;
  size_t requests = 0;
  for (int round = 0; round < 10; ++round) {
    for (int i = 0; i < 20'000; ++i, ++requests) hits += cache.get(id_of(zipf.next())) ? 1 : 0;
    for (uint64_t i = 0; i < 2 * capacity; ++i) cache.get(id_of(1'000'000 + i));
  }
  return static_cast<double>(hits) / static_cast<double>(requests);
}

}  // namespace

TEST_CASE("S3-FIFO beats LRU by a tenth where half of the traffic never comes back", "[cache][eviction]") {
  for (const uint64_t capacity : {catalogue / 20, catalogue / 10}) {
    const double s3 = hit_ratio(EvictionKind::s3_fifo, capacity, 0.5);
    const double lru = hit_ratio(EvictionKind::lru, capacity, 0.5);
    INFO("capacity " << capacity << ": S3-FIFO " << s3 << ", LRU " << lru);
    CHECK(s3 >= 1.10 * lru);
  }
}

TEST_CASE("S3-FIFO is not behind LRU on plain Zipf traffic", "[cache][eviction]") {
  for (const uint64_t capacity : {catalogue / 100, catalogue / 20, catalogue / 4}) {
    const double s3 = hit_ratio(EvictionKind::s3_fifo, capacity, 0);
    const double lru = hit_ratio(EvictionKind::lru, capacity, 0);
    INFO("capacity " << capacity << ": S3-FIFO " << s3 << ", LRU " << lru);
    CHECK(s3 >= lru);
    CHECK(lru > 0.2);
  }
}

TEST_CASE("a scan does not wash the popular set out of S3-FIFO", "[cache][eviction]") {
  const double s3 = hit_ratio_with_scans(EvictionKind::s3_fifo, 2000);
  const double lru = hit_ratio_with_scans(EvictionKind::lru, 2000);
  INFO("S3-FIFO " << s3 << ", LRU " << lru);
  CHECK(s3 >= lru + 0.02);
}

TEST_CASE("what was hit twice in the small queue outlives what was hit once", "[cache][eviction]") {
  Toy cache(EvictionKind::s3_fifo, 100);
  for (SegmentId id = 1; id <= 100; ++id) cache.get(id);
  cache.get(1);
  cache.get(1);
  cache.get(2);
  for (SegmentId id = 1001; id <= 1100; ++id) cache.get(id);
  CHECK(cache.has(1));
  CHECK_FALSE(cache.has(2));
}

TEST_CASE("what comes back soon after its eviction enters the main queue and stays", "[cache][eviction]") {
  Toy cache(EvictionKind::s3_fifo, 100);
  for (SegmentId id = 1; id <= 101; ++id) cache.get(id);
  REQUIRE_FALSE(cache.has(1));
  cache.get(1);  // remembered by the ghost
  for (SegmentId id = 1001; id <= 1500; ++id) cache.get(id);
  CHECK(cache.has(1));
  CHECK_FALSE(cache.has(50));
}

TEST_CASE("the ghost forgets what left long ago", "[cache][eviction]") {
  Ghost ghost;
  for (SegmentId id = 1; id <= 5000; ++id) ghost.add(id, 100);
  CHECK_FALSE(ghost.take(1));
  CHECK_FALSE(ghost.take(4000));
  CHECK(ghost.take(5000));
  CHECK_FALSE(ghost.take(5000));
  CHECK(ghost.take(4999));
  CHECK_FALSE(ghost.take(999'999));
}

TEST_CASE("a ghost remembers most of its capacity while it grows", "[cache][eviction]") {
  Ghost ghost;
  for (uint64_t i = 1; i <= 10'000; ++i) ghost.add(id_of(i), i);
  size_t remembered = 0;
  for (uint64_t i = 1; i <= 10'000; ++i) remembered += ghost.take(id_of(i)) ? 1 : 0;
  CHECK(remembered > 8'500);
}

TEST_CASE("removed segments leave nothing to evict and no slots without end", "[cache][eviction]") {
  for (const EvictionKind kind : {EvictionKind::s3_fifo, EvictionKind::lru}) {
    Toy cache(kind, 1'000'000);
    cache.get(1);
    for (int i = 0; i < 200'000; ++i) {
      cache.get(7);
      cache.remove(7);
    }
    CHECK(cache.memory() < 64 * 1024);
    CHECK(cache.used() == 1);
    CHECK(cache.evict_one());
    CHECK_FALSE(cache.evict_one());
    CHECK(cache.used() == 0);
  }
}

TEST_CASE("every strategy keeps within its bytes and gives all of them back", "[cache][eviction]") {
  for (const EvictionKind kind : {EvictionKind::s3_fifo, EvictionKind::lru}) {
    Toy cache(kind, 10'000);
    Random random(3);
    for (int i = 0; i < 50'000; ++i) {
      const uint64_t number = random.below(2000);
      if (random.below(10) == 0) {
        cache.remove(id_of(number));
      } else {
        cache.get(id_of(number), 1 + number % 100);
      }
      if (cache.used() > 10'000) FAIL("over capacity");
    }
    while (cache.evict_one()) {
    }
    CHECK(cache.used() == 0);
  }
}
