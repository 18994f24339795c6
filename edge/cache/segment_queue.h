// A queue of segment ids, four bytes each: what first-in-first-out strategies are made of.
//
// It holds at least as many slots of an id as there are segments of it. A segment that was replaced keeps its
// place; one that was removed leaves a slot behind, dropped when it reaches the head, or by a pass over all
// slots that begins when such slots outnumber the rest. The pass goes from the newest slot to the oldest and
// keeps as many of each id as it has segments. It does a few steps with each removal, so that what removes a
// million segments one by one is never held up, and nobody waits for the shard's lock.
//
// Owned by a strategy, which numbers it (SegmentTable knows it by that number). Thread rule: the shard's
// lock.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>

#include "edge/cache/eviction.h"
#include "edge/cache/slot_counts.h"

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
  // Those that name no segment among them.
  size_t slots() const { return slots_.size() + kept_.size(); }
  void replaced(uint64_t old_bytes, uint64_t new_bytes) { bytes_ += new_bytes - old_bytes; }
  void removed(uint64_t bytes, SegmentTable& table);
  // As the allocator rounds.
  size_t memory_bytes() const;

 private:
  void go_on(SegmentTable& table);
  void end_pass();

  const uint8_t number_;
  std::deque<SegmentId> slots_;       // oldest first; during a pass those that it has not looked at
  std::deque<SegmentId> kept_;        // during a pass: behind slots_, what it has kept and what came since
  std::unique_ptr<SlotCounts> pass_;  // what it has kept; null: there is no pass, and kept_ is empty
  size_t segments_ = 0;
  uint64_t bytes_ = 0;
};

}  // namespace perigee::cache
