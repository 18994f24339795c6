// S3-FIFO (Yang et al., "FIFO queues are all you need for cache eviction", SOSP 2023), sized in bytes.
//
// A new segment enters the small queue, a tenth of the bytes; what was hit more than once by the time it
// reaches the head goes on to the main queue, the rest leaves and is remembered in a ghost of ids. What comes
// back while remembered enters the main queue at once. The main queue gives a segment another round for each
// hit, at most three. A hit moves nothing.
//
// by_size: a hit of a large segment counts for less, so that the same bytes answer more requests; what is
// larger than the mean of the shard needs more hits to stay, what is smaller needs fewer. Good for the object
// hit ratio, and bad for the byte hit ratio.
//
// adaptive: how much the small queue gets is found out, from a twentieth to nine tenths (after ARC; Megiddo,
// Modha, FAST 2003). What comes back soon after it left the small queue says that this was too short, what
// comes back soon after it left the main queue, which has a ghost of its own for it, says the opposite. It
// saves a cache whose content is asked for again only after more than a tenth of it has passed by.
//
// Thread rule: the shard's lock.
#pragma once

#include "edge/cache/eviction.h"
#include "edge/cache/ghost.h"
#include "edge/cache/segment_queue.h"

namespace perigee::cache {

class S3Fifo final : public EvictionStrategy {
 public:
  struct Options {
    bool by_size = false;
    bool adaptive = false;
  };
  S3Fifo() = default;
  explicit S3Fifo(const Options& options) : options_(options) {}

  uint8_t admit(SegmentId id, uint64_t bytes) override;
  void replaced(uint8_t queue, uint64_t old_bytes, uint64_t new_bytes) override;
  void removed(SegmentId id, uint8_t queue, uint64_t bytes, SegmentTable& table) override;
  bool evict_one(SegmentTable& table) override;
  size_t memory_bytes() const override;

  // Of the bytes, what the small queue is to have.
  double small_share() const { return small_share_; }

 private:
  enum Queue : uint8_t { small, main };

  SegmentQueue& queue(uint8_t number) { return number == small ? small_ : main_; }
  bool small_is_due() const;
  bool advance_small(SegmentTable& table);
  bool advance_main(SegmentTable& table);
  // Hits that take a segment through the small queue, and that a round in the main queue costs.
  uint8_t hits_to_stay(uint64_t bytes) const;
  uint8_t hits_per_round(uint64_t bytes) const;
  uint64_t mean_bytes() const;
  void shift(double step);

  const Options options_{};
  SegmentQueue small_{small};
  SegmentQueue main_{main};
  Ghost ghost_;       // what left the small queue
  Ghost main_ghost_;  // adaptive only
  double small_share_ = 0.1;
};

}  // namespace perigee::cache
