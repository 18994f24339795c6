// S3-FIFO (Yang et al., "FIFO queues are all you need for cache eviction", SOSP 2023), sized in bytes.
//
// A new segment enters the small queue, a tenth of the bytes; what was hit more than once by the time it
// reaches the head goes on to the main queue, the rest leaves and is remembered in a ghost of ids. What comes
// back while remembered enters the main queue at once. The main queue gives a segment another round for each
// hit, at most three. A hit moves nothing.
//
// Queues hold ids of four bytes. A segment that was replaced keeps its place; one that was purged leaves a
// slot behind, dropped when it reaches the head or when such slots outnumber the rest.
//
// Thread rule: the shard's lock.
#pragma once

#include <deque>

#include "edge/cache/budget.h"
#include "edge/cache/eviction.h"
#include "edge/cache/ghost.h"

namespace perigee::cache {

class S3Fifo final : public EvictionStrategy {
 public:
  uint8_t admit(SegmentId id, uint64_t bytes) override;
  void replaced(uint8_t queue, uint64_t old_bytes, uint64_t new_bytes) override;
  void removed(SegmentId id, uint8_t queue, uint64_t bytes, SegmentTable& table) override;
  bool evict_one(SegmentTable& table) override;
  size_t memory_bytes() const override;

 private:
  enum Queue : uint8_t { small, main };
  struct Fifo {
    std::deque<SegmentId> slots;  // at least as many of an id as there are segments of it
    size_t segments = 0;
    uint64_t bytes = 0;

    void push(SegmentId id, uint64_t size);
    void drop(uint64_t size);
  };

  bool small_is_due() const;
  bool advance_small(SegmentTable& table);
  bool advance_main(SegmentTable& table);
  void compact(Queue queue, SegmentTable& table);

  Fifo queues_[2];
  Ghost ghost_;
};

}  // namespace perigee::cache
