#include "edge/cache/segment_queue.h"

#include <unordered_map>

#include "edge/cache/budget.h"

namespace perigee::cache {

namespace {

constexpr size_t dead_slots_min = 1024;  // before a queue is worth compacting

}  // namespace

void SegmentQueue::push(SegmentId id, uint64_t bytes) {
  slots_.push_back(id);
  ++segments_;
  bytes_ += bytes;
}

bool SegmentQueue::pop(SegmentTable& table, Segment& out) {
  const SegmentId id = slots_.front();
  slots_.pop_front();
  if (!table.oldest(id, number_, out)) return false;
  --segments_;
  bytes_ -= out.bytes;
  return true;
}

void SegmentQueue::removed(uint64_t bytes, SegmentTable& table) {
  --segments_;
  bytes_ -= bytes;
  if (slots_.size() > 2 * segments_ + dead_slots_min) compact(table);
}

// Keeps the newest slots of each id, as many as it has segments.
void SegmentQueue::compact(SegmentTable& table) {
  std::unordered_map<SegmentId, size_t> left;
  std::deque<SegmentId> kept;
  for (auto slot = slots_.rbegin(); slot != slots_.rend(); ++slot) {
    auto [entry, is_new] = left.try_emplace(*slot, 0);
    if (is_new) entry->second = table.count(*slot, number_);
    if (entry->second == 0) continue;
    --entry->second;
    kept.push_front(*slot);
  }
  slots_.swap(kept);
}

size_t SegmentQueue::memory_bytes() const {
  // A deque takes its slots in pages of 512 bytes, with a pointer to each.
  constexpr size_t page = allocated_bytes(512) + sizeof(void*);
  return (slots_.size() * sizeof(SegmentId) / 512 + 2) * page;
}

}  // namespace perigee::cache
