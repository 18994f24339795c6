// A trace through the real store: what is found counts as a hit, what is not is stored, as an edge does with
// an answer that may be kept.
//
// Everything is the store's own (index, budget, shards, eviction, limbo) but the bytes of the bodies: those
// are charged and do not exist, so that a trace of terabytes replays in seconds.
//
// Thread rule: one thread.
#pragma once

#include <cstdint>

#include "bench/trace/trace.h"
#include "edge/cache/eviction.h"

namespace perigee::evict {

struct Ratio {
  uint64_t requests = 0;
  uint64_t hits = 0;
  uint64_t bytes = 0;
  uint64_t hit_bytes = 0;
  uint64_t used_max = 0;  // of the budget, ever, between requests

  double objects() const {
    return requests == 0 ? 0 : static_cast<double>(hits) / static_cast<double>(requests);
  }
  double of_bytes() const {
    return bytes == 0 ? 0 : static_cast<double>(hit_bytes) / static_cast<double>(bytes);
  }
};

struct ReplayOptions {
  cache::EvictionKind eviction = cache::EvictionKind::s3_fifo;
  uint64_t budget_bytes = 0;
  unsigned shards = 16;
};

// A response whose size differs from what is stored under its id is another version: a miss, and it replaces.
Ratio replay(const trace::Trace& trace, const ReplayOptions& options);

// What a response takes of a budget, and all distinct ones of a trace together (each at its last size).
uint64_t stored_bytes(const trace::Trace& trace, const trace::Request& request);
uint64_t footprint(const trace::Trace& trace);

}  // namespace perigee::evict
