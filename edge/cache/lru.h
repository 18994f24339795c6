// Least recently used, in the exact order of hits: the yardstick for other strategies. It wants to be told of
// every hit, so look-ups lock their shard; not for serving.
//
// Thread rule: the shard's lock.
#pragma once

#include <list>
#include <unordered_map>

#include "edge/cache/eviction.h"

namespace perigee::cache {

class Lru final : public EvictionStrategy {
 public:
  uint8_t admit(SegmentId id, uint64_t bytes) override;
  void replaced(uint8_t, uint64_t, uint64_t) override {}
  void removed(SegmentId id, uint8_t queue, uint64_t bytes, SegmentTable& table) override;
  bool evict_one(SegmentTable& table) override;
  size_t memory_bytes() const override;
  bool wants_touches() const override { return true; }
  void touched(SegmentId id) override;

 private:
  std::list<SegmentId> order_;  // the most recent first; segments of one id count as one
  std::unordered_map<SegmentId, std::list<SegmentId>::iterator> places_;
};

}  // namespace perigee::cache
