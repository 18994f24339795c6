// Greedy-Dual-Size-Frequency (Cherkasova, "Improving WWW proxies performance with greedy-dual-size-frequency
// caching policy", HP Labs 1998), sampled: for those who want many requests answered from memory and care
// less how many bytes that are.
//
// A segment is worth L + uses / bytes, where L is the worth of what was evicted last when the segment was
// last seen in use, so that what is not used any more ages. Instead of a heap that each hit would change, an
// eviction looks at some segments at random and takes the least worthy (as Redis does); the counter of hits
// of those it looks at is added to their uses and begins again.
//
// A segment that is removed leaves its slot behind, dropped when an eviction looks at it, or by a pass over
// all slots that begins when such slots outnumber the rest. As with SegmentQueue it does a few steps with
// each removal. An eviction ends it: what it has kept may be gone then.
//
// Deterministic: the sample follows from a fixed seed. Thread rule: the shard's lock.
#pragma once

#include <cstddef>
#include <deque>
#include <memory>

#include "edge/base/random.h"
#include "edge/cache/eviction.h"
#include "edge/cache/slot_counts.h"

namespace perigee::cache {

class Gdsf final : public EvictionStrategy {
 public:
  uint8_t admit(SegmentId id, uint64_t bytes) override;
  void replaced(uint8_t, uint64_t, uint64_t) override {}
  void removed(SegmentId id, uint8_t queue, uint64_t bytes, SegmentTable& table) override;
  bool evict_one(SegmentTable& table) override;
  size_t memory_bytes() const override;

 private:
  // Of a segment; at least as many of an id as there are segments of it.
  struct Slot {
    SegmentId id = 0;
    uint32_t uses = 1;
    double floor = 0;  // L when it was last seen in use
  };

  double look_at(size_t place, SegmentTable& table, Segment& out);
  void drop(size_t place);
  void go_on(SegmentTable& table);

  std::deque<Slot> slots_;
  std::unique_ptr<SlotCounts> pass_;  // what it has kept; null: there is none
  size_t ahead_ = 0;                  // of the pass: the slots before this are still to be looked at
  size_t segments_ = 0;
  double floor_ = 0;  // L
  Random random_{1};
};

}  // namespace perigee::cache
