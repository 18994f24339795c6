// A cache of nothing but ids, and popularity by Zipf's law: what tests of eviction strategies are made of.
#pragma once

#include <algorithm>
#include <memory>
#include <unordered_map>
#include <utility>
#include <vector>

#include "edge/base/hash.h"
#include "edge/base/random.h"
#include "edge/cache/eviction.h"

namespace perigee::cache {

// A cache of nothing but ids: what a shard is to a strategy.
class Toy final : public SegmentTable {
 public:
  Toy(EvictionKind kind, uint64_t capacity) : Toy(make_eviction(kind), capacity) {}
  Toy(std::unique_ptr<EvictionStrategy> strategy, uint64_t capacity)
      : strategy_(std::move(strategy)), capacity_(capacity) {}

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
  // The response has another size now.
  void replace(SegmentId id, uint64_t bytes) {
    State& state = segments_.at(id);
    strategy_->replaced(state.queue, state.bytes, bytes);
    used_ += bytes - state.bytes;
    state.bytes = bytes;
  }
  bool has(SegmentId id) const { return segments_.count(id) != 0; }
  bool evict_one() { return strategy_->evict_one(*this); }
  uint64_t used() const { return used_; }
  size_t segments() const { return segments_.size(); }
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

inline SegmentId id_of(uint64_t number) { return static_cast<SegmentId>(hash64(number, 1)); }

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

}  // namespace perigee::cache
