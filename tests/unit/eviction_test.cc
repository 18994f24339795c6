// What holds for every strategy, and what each one beyond S3-FIFO and LRU is for.
#include "edge/cache/eviction.h"

#include <catch2/catch_test_macros.hpp>
#include <iterator>
#include <memory>
#include <set>
#include <vector>

#include "edge/cache/s3_fifo.h"
#include "tests/unit/eviction_rig.h"

using namespace perigee;
using namespace perigee::cache;

namespace {

std::vector<EvictionKind> every_kind() {
  std::vector<EvictionKind> kinds;
  for (const auto name : eviction_names) kinds.push_back(parse_eviction(name).value());
  return kinds;
}

// Sizes from 1 to 1,000, most of them small, by id.
uint64_t size_of(uint64_t number) { return 1 + 1000 / (1 + hash64(number, 7) % 100); }

struct Ratios {
  double objects = 0;
  double bytes = 0;
};

Ratios sized_ratios(EvictionKind kind, uint64_t capacity) {
  constexpr size_t requests = 100'000;
  Toy cache(kind, capacity);
  Zipf zipf(10'000, 17);
  size_t hits = 0;
  uint64_t bytes = 0;
  uint64_t hit_bytes = 0;
  for (size_t i = 0; i < requests; ++i) {
    const uint64_t number = zipf.next();
    bytes += size_of(number);
    if (!cache.get(id_of(number), size_of(number))) continue;
    ++hits;
    hit_bytes += size_of(number);
  }
  return {static_cast<double>(hits) / requests, static_cast<double>(hit_bytes) / static_cast<double>(bytes)};
}

}  // namespace

TEST_CASE("every strategy has a name that leads back to it", "[cache][eviction]") {
  std::set<EvictionKind> kinds;
  for (const EvictionKind kind : every_kind()) {
    CHECK(parse_eviction(to_string(kind)) == kind);
    kinds.insert(kind);
  }
  CHECK(kinds.size() == std::size(eviction_names));
  CHECK_FALSE(parse_eviction("fifo").has_value());
  CHECK_FALSE(parse_eviction("").has_value());
}

TEST_CASE("no strategy evicts while there is room", "[cache][eviction]") {
  for (const EvictionKind kind : every_kind()) {
    CAPTURE(to_string(kind));
    Toy cache(kind, 1000);
    Random random(5);
    for (int i = 0; i < 20'000; ++i) cache.get(id_of(random.below(1000)));
    size_t kept = 0;
    for (uint64_t number = 0; number < 1000; ++number) kept += cache.has(id_of(number)) ? 1 : 0;
    CHECK(kept == cache.segments());
    CHECK(cache.used() == kept);
    CHECK(kept > 990);
  }
}

TEST_CASE("every strategy makes the same choices from the same requests", "[cache][eviction]") {
  for (const EvictionKind kind : every_kind()) {
    CAPTURE(to_string(kind));
    Toy one(kind, 5000);
    Toy other(kind, 5000);
    Zipf zipf(3000, 23);
    for (int i = 0; i < 30'000; ++i) {
      const uint64_t number = zipf.next();
      REQUIRE(one.get(id_of(number), size_of(number)) == other.get(id_of(number), size_of(number)));
    }
    CHECK(one.used() == other.used());
  }
}

TEST_CASE("a replaced response counts with its new size", "[cache][eviction]") {
  for (const EvictionKind kind : every_kind()) {
    CAPTURE(to_string(kind));
    Toy cache(kind, 1'000'000);
    for (SegmentId id = 1; id <= 100; ++id) cache.get(id, 10);
    for (SegmentId id = 1; id <= 100; ++id) cache.replace(id, id * 3);
    CHECK(cache.used() == 15'150);
    for (int left = 100; left > 0; --left) REQUIRE(cache.evict_one());
    CHECK(cache.used() == 0);
    CHECK_FALSE(cache.evict_one());
  }
}

TEST_CASE("SIEVE keeps what was hit where it stands, and evicts the oldest that was not",
          "[cache][eviction]") {
  Toy cache(EvictionKind::sieve, 4);
  for (SegmentId id = 1; id <= 4; ++id) cache.get(id);
  cache.get(1);
  cache.get(3);
  cache.get(5);  // the hand passes 1 and takes 2
  CHECK(cache.has(1));
  CHECK_FALSE(cache.has(2));
  cache.get(6);  // it goes on where it was: passes 3 and takes 4
  CHECK(cache.has(3));
  CHECK_FALSE(cache.has(4));
  cache.get(5);
  cache.get(
      7);  // passes 5 and takes 6, though 1 and 3 are older: their hits are used up, but behind the hand
  CHECK(cache.has(1));
  CHECK_FALSE(cache.has(6));
  cache.get(8);  // takes 7, the newest; then the hand begins again
  CHECK_FALSE(cache.has(7));
  cache.get(9);
  CHECK_FALSE(cache.has(8));
}

TEST_CASE("SIEVE is not behind LRU on plain Zipf traffic", "[cache][eviction]") {
  Toy sieve(EvictionKind::sieve, 500);
  Toy lru(EvictionKind::lru, 500);
  Zipf zipf(10'000, 3);
  size_t sieve_hits = 0;
  size_t lru_hits = 0;
  for (int i = 0; i < 100'000; ++i) {
    const SegmentId id = id_of(zipf.next());
    sieve_hits += sieve.get(id) ? 1 : 0;
    lru_hits += lru.get(id) ? 1 : 0;
  }
  CHECK(sieve_hits > lru_hits);
}

TEST_CASE("GDSF gives up a large segment before a small one of the same use", "[cache][eviction]") {
  Toy cache(EvictionKind::gdsf, 1010);
  for (SegmentId id = 1; id <= 10; ++id) cache.get(id, 1);
  cache.get(100, 1000);
  CHECK(cache.used() == 1010);
  cache.get(11, 1);
  CHECK_FALSE(cache.has(100));
  for (SegmentId id = 1; id <= 11; ++id) CHECK(cache.has(id));
}

TEST_CASE("GDSF lets go of what was popular once", "[cache][eviction]") {
  Toy cache(EvictionKind::gdsf, 100);
  for (int round = 0; round < 50; ++round) {
    for (SegmentId id = 1; id <= 20; ++id) cache.get(id);
    for (SegmentId id = 1; id <= 90; ++id) cache.get(static_cast<SegmentId>(1000 * (round + 1)) + id);
  }
  CHECK(cache.has(1));
  for (SegmentId id = 1; id <= 20'000; ++id) cache.get(1'000'000 + id);
  size_t left = 0;
  for (SegmentId id = 1; id <= 20; ++id) left += cache.has(id) ? 1 : 0;
  CHECK(left == 0);
}

TEST_CASE("strategies that look at sizes answer more requests, at the price of bytes", "[cache][eviction]") {
  const Ratios plain = sized_ratios(EvictionKind::s3_fifo, 20'000);
  for (const EvictionKind kind : {EvictionKind::gdsf, EvictionKind::s3_fifo_sized}) {
    const Ratios sized = sized_ratios(kind, 20'000);
    INFO(to_string(kind) << ": " << sized.objects << " of the requests, " << sized.bytes
                         << " of the bytes; S3-FIFO " << plain.objects << ", " << plain.bytes);
    CHECK(sized.objects > plain.objects + 0.01);
    CHECK(sized.bytes < plain.bytes);
  }
}

// 800 ids are asked for all the time; others twice, the second time after 300 more of their kind, when a
// tenth of the cache has long let them go. Returns how often the second time was a hit.
size_t second_hits(Toy& cache) {
  size_t hits = 0;
  for (uint64_t number = 0; number < 50'000; ++number) {
    cache.get(id_of(1'000'000 + number % 800));
    cache.get(id_of(number));
    if (number >= 300) hits += cache.get(id_of(number - 300)) ? 1 : 0;
  }
  return hits;
}

TEST_CASE("adaptive S3-FIFO grows its small queue when what it lets go comes back", "[cache][eviction]") {
  auto owned = std::make_unique<S3Fifo>(S3Fifo::Options{false, true});
  const S3Fifo& strategy = *owned;
  Toy adaptive(std::move(owned), 1000);
  Toy plain(EvictionKind::s3_fifo, 1000);
  const double before = strategy.small_share();
  const size_t hits = second_hits(adaptive);
  const size_t plain_hits = second_hits(plain);
  INFO("share " << strategy.small_share() << ", second hits " << hits << ", of plain S3-FIFO " << plain_hits);
  CHECK(before == 0.1);
  CHECK(strategy.small_share() > 0.18);
  CHECK(strategy.small_share() <= 0.9);
  CHECK(hits > 2 * plain_hits);
}

TEST_CASE("removed segments leave nothing to evict and no slots without end", "[cache][eviction]") {
  for (const EvictionKind kind : every_kind()) {
    CAPTURE(to_string(kind));
    Toy cache(kind, 1'000'000);
    cache.get(1);
    for (int i = 0; i < 50'000; ++i) {
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
  for (const EvictionKind kind : every_kind()) {
    CAPTURE(to_string(kind));
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
