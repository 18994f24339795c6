#include "edge/cache/sieve.h"

namespace perigee::cache {

uint8_t Sieve::admit(SegmentId id, uint64_t bytes) {
  before_hand().push(id, bytes);
  return before_hand().number();
}

void Sieve::replaced(uint8_t queue, uint64_t old_bytes, uint64_t new_bytes) {
  queues_[queue].replaced(old_bytes, new_bytes);
}

void Sieve::removed(SegmentId, uint8_t queue, uint64_t bytes, SegmentTable& table) {
  queues_[queue].removed(bytes, table);
}

// Ends: a segment that stays has lost its hits, so that at most two rounds of the hand find one without.
bool Sieve::evict_one(SegmentTable& table) {
  while (!queues_[0].empty() || !queues_[1].empty()) {
    if (!before_hand().has_slots()) {
      before_ = static_cast<uint8_t>(1 - before_);
      continue;
    }
    Segment segment;
    if (!before_hand().pop(table, segment)) continue;
    if (segment.hits == 0) {
      table.evict(segment);
      return true;
    }
    behind_hand().push(segment.id, segment.bytes);
    table.move(segment, behind_hand().number(), 0);
  }
  return false;
}

size_t Sieve::memory_bytes() const { return queues_[0].memory_bytes() + queues_[1].memory_bytes(); }

}  // namespace perigee::cache
