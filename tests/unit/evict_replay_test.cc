// The replay through the real store, the offline bounds, and the promises about hit ratios.
#include "bench/evict/replay.h"

#include <catch2/catch_test_macros.hpp>

#include "bench/evict/offline.h"
#include "bench/trace/generate.h"
#include "edge/cache/store.h"

using namespace perigee;
using namespace perigee::evict;
using cache::EvictionKind;

namespace {

trace::Trace mix(trace::Mix kind) {
  trace::Parameters parameters;
  parameters.mix = kind;
  parameters.requests = 30'000;
  parameters.ids = 5'000;
  parameters.scan_every = 7'500;
  parameters.scan_ids = 1'500;
  return trace::generate(parameters);
}

trace::Trace of(std::initializer_list<uint32_t> ids, uint64_t size) {
  trace::Trace trace;
  for (const uint32_t id : ids) trace.requests.push_back({0, id, size});
  return trace;
}

uint64_t share_of(const trace::Trace& trace, double percent) {
  return static_cast<uint64_t>(static_cast<double>(footprint(trace)) * percent / 100);
}

constexpr EvictionKind default_eviction = cache::StoreOptions{}.eviction;

}  // namespace

TEST_CASE("a replay within a roomy budget hits everything but first uses", "[evict]") {
  const trace::Trace trace = mix(trace::Mix::zipf);
  const Ratio ratio = replay(trace, {EvictionKind::lru, 4 * footprint(trace), 16});
  CHECK(ratio.requests == trace.requests.size());
  size_t distinct = 0;
  std::vector<bool> seen(trace.ids());
  for (const auto& request : trace.requests) {
    if (!seen[request.id]) ++distinct;
    seen[request.id] = true;
  }
  CHECK(ratio.hits == ratio.requests - distinct);
}

TEST_CASE("a replay keeps within its budget, whatever evicts", "[evict]") {
  const trace::Trace trace = mix(trace::Mix::zipf);
  const uint64_t budget = share_of(trace, 5);
  for (const auto name : cache::eviction_names) {
    CAPTURE(name);
    const Ratio ratio = replay(trace, {*cache::parse_eviction(name), budget, 16});
    CHECK(ratio.used_max <= budget);
    CHECK(ratio.used_max > budget * 9 / 10);
  }
}

TEST_CASE("another size under the same id is another response", "[evict]") {
  trace::Trace trace = of({1, 1, 1}, 1000);
  trace.requests[1].size = 2000;
  CHECK(replay(trace, {EvictionKind::lru, 1 << 20, 1}).hits == 0);
  CHECK(belady(trace, 1 << 20).hits == 0);
  CHECK(bound(trace, 1 << 20, Worth::object).hits == 0);
}

TEST_CASE("Belady's schedule is the best one where all have one size", "[evict]") {
  const trace::Trace trace = of({1, 2, 3, 1, 2, 4, 1, 2, 3, 4}, 1000);
  const uint64_t one = stored_bytes(trace, trace.requests[0]);
  // With room for two, 1 and 2 stay to their last uses: four hits. With room for all, only first uses miss.
  CHECK(belady(trace, 2 * one).hits == 4);
  CHECK(belady(trace, 4 * one).hits == 6);
  CHECK(belady(trace, one / 2).hits == 0);
}

TEST_CASE("no strategy beats the bound, and Belady's schedule does not either", "[evict]") {
  for (const auto kind : {trace::Mix::zipf, trace::Mix::recency}) {
    const trace::Trace trace = mix(kind);
    const uint64_t budget = share_of(trace, 5);
    const double objects = bound(trace, budget, Worth::object).objects();
    const double bytes = bound(trace, budget, Worth::byte).of_bytes();
    const Ratio best = belady(trace, budget);
    CHECK(best.objects() <= objects);
    CHECK(best.of_bytes() <= bytes);
    CHECK(objects < 1);
    for (const auto name : cache::eviction_names) {
      CAPTURE(name);
      const Ratio ratio = replay(trace, {*cache::parse_eviction(name), budget, 16});
      CHECK(ratio.objects() <= objects);
      CHECK(ratio.of_bytes() <= bytes);
    }
  }
}

TEST_CASE("the default is never more than two points behind LRU", "[evict]") {
  for (const auto kind : {trace::Mix::zipf, trace::Mix::scan, trace::Mix::recency}) {
    const trace::Trace trace = mix(kind);
    for (const double percent : {1.0, 5.0, 25.0}) {
      const uint64_t budget = share_of(trace, percent);
      const Ratio ours = replay(trace, {default_eviction, budget, 16});
      const Ratio lru = replay(trace, {EvictionKind::lru, budget, 16});
      INFO(trace::to_string(kind) << " at " << percent << " %: " << ours.objects() << ", LRU "
                                  << lru.objects() << "; bytes " << ours.of_bytes() << ", LRU "
                                  << lru.of_bytes());
      CHECK(ours.objects() >= lru.objects() - 0.02);
      CHECK(ours.of_bytes() >= lru.of_bytes() - 0.02);
      CHECK(lru.objects() > 0.05);
    }
  }
}

TEST_CASE("the default hits a tenth more than LRU where half of the traffic never comes back", "[evict]") {
  const trace::Trace trace = mix(trace::Mix::one_hit);
  const uint64_t budget = share_of(trace, 5);
  const Ratio ours = replay(trace, {default_eviction, budget, 16});
  const Ratio lru = replay(trace, {EvictionKind::lru, budget, 16});
  INFO(ours.objects() << ", LRU " << lru.objects());
  CHECK(ours.objects() >= 1.10 * lru.objects());
}
