#include "edge/cache/s3_fifo.h"

#include <catch2/catch_test_macros.hpp>

#include "edge/base/random.h"
#include "edge/cache/ghost.h"
#include "tests/unit/eviction_rig.h"

using namespace perigee;
using namespace perigee::cache;

namespace {

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

TEST_CASE("no insertion into a ghost that grows moves much, and what has moved is remembered once",
          "[cache][eviction]") {
  Ghost ghost;
  size_t most = 0;
  size_t all = 0;
  for (uint64_t i = 1; i <= 300'000; ++i) {
    ghost.add(id_of(i), i);
    most = std::max(most, ghost.moved());
    all += ghost.moved();
    if (i % 7 == 0) {
      ghost.take(id_of(i - 3));
      REQUIRE_FALSE(ghost.take(id_of(i - 3)));
    }
  }
  CHECK(most <= 32);
  CHECK(all >= 200'000);
  CHECK(ghost.memory_bytes() <= 2 * 8 * 524'288);
}

TEST_CASE("a ghost remembers most of its capacity while it grows", "[cache][eviction]") {
  Ghost ghost;
  for (uint64_t i = 1; i <= 10'000; ++i) ghost.add(id_of(i), i);
  size_t remembered = 0;
  for (uint64_t i = 1; i <= 10'000; ++i) remembered += ghost.take(id_of(i)) ? 1 : 0;
  CHECK(remembered > 8'500);
}
