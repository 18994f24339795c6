// A queue of segment ids, four bytes each: what first-in-first-out strategies are made of.
//
// It holds at least as many slots of an id as there are segments of it. A segment that was replaced keeps its
// place; one that was removed leaves a slot behind, dropped when it reaches the head or when such slots
// outnumber the rest.
//
// Owned by a strategy, which numbers it (SegmentTable knows it by that number). Thread rule: the shard's
// lock.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>

#include "edge/cache/eviction.h"

namespace perigee::cache {

class SegmentQueue {
 public:
  explicit SegmentQueue(uint8_t number) : number_(number) {}

  uint8_t number() const { return number_; }
  bool empty() const { return segments_ == 0; }
  size_t segments() const { return segments_; }
  uint64_t bytes() const { return bytes_; }

  // A segment, new to the queue, to its end.
  void push(SegmentId id, uint64_t bytes);
  // Takes the head off. False when its slot named no segment any more; not to be called without a slot.
  bool pop(SegmentTable& table, Segment& out);
  bool has_slots() const { return !slots_.empty(); }
  void replaced(uint64_t old_bytes, uint64_t new_bytes) { bytes_ += new_bytes - old_bytes; }
  void removed(uint64_t bytes, SegmentTable& table);
  // As the allocator rounds.
  size_t memory_bytes() const;

 private:
  void compact(SegmentTable& table);

  const uint8_t number_;
  std::deque<SegmentId> slots_;
  size_t segments_ = 0;
  uint64_t bytes_ = 0;
};

}  // namespace perigee::cache
