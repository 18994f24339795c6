// SIEVE (Zhang et al., "SIEVE is simpler than LRU", NSDI 2024), in bytes.
//
// Segments stand in the order of their admission. A hand goes from the oldest to the newest and then begins
// again: what was hit since the hand last passed stays where it stands, what was not leaves. A hit moves
// nothing.
//
// The order is kept as two queues of ids, what the hand has passed and what is before it; when the second is
// empty they change places. So neither holes nor links are needed.
//
// Thread rule: the shard's lock.
#pragma once

#include "edge/cache/eviction.h"
#include "edge/cache/segment_queue.h"

namespace perigee::cache {

class Sieve final : public EvictionStrategy {
 public:
  uint8_t admit(SegmentId id, uint64_t bytes) override;
  void replaced(uint8_t queue, uint64_t old_bytes, uint64_t new_bytes) override;
  void removed(SegmentId id, uint8_t queue, uint64_t bytes, SegmentTable& table) override;
  bool evict_one(SegmentTable& table) override;
  size_t memory_bytes() const override;

 private:
  SegmentQueue& before_hand() { return queues_[before_]; }
  SegmentQueue& behind_hand() { return queues_[1 - before_]; }

  SegmentQueue queues_[2] = {SegmentQueue(0), SegmentQueue(1)};
  uint8_t before_ = 0;
};

}  // namespace perigee::cache
