#include "edge/cache/s3_fifo.h"

#include <algorithm>
#include <unordered_map>

namespace perigee::cache {

namespace {

constexpr uint64_t small_share = 10;     // one part in ten
constexpr uint8_t hits_to_stay = 2;      // in the small queue
constexpr size_t dead_slots_min = 1024;  // before a queue is worth compacting

}  // namespace

void S3Fifo::Fifo::push(SegmentId id, uint64_t size) {
  slots.push_back(id);
  ++segments;
  bytes += size;
}

void S3Fifo::Fifo::drop(uint64_t size) {
  --segments;
  bytes -= size;
}

uint8_t S3Fifo::admit(SegmentId id, uint64_t bytes) {
  const Queue queue = ghost_.take(id) ? main : small;
  queues_[queue].push(id, bytes);
  return queue;
}

void S3Fifo::replaced(uint8_t queue, uint64_t old_bytes, uint64_t new_bytes) {
  queues_[queue].bytes += new_bytes - old_bytes;
}

void S3Fifo::removed(SegmentId, uint8_t queue, uint64_t bytes, SegmentTable& table) {
  Fifo& fifo = queues_[queue];
  fifo.drop(bytes);
  if (fifo.slots.size() > 2 * fifo.segments + dead_slots_min) compact(static_cast<Queue>(queue), table);
}

bool S3Fifo::small_is_due() const {
  if (queues_[small].segments == 0) return false;
  if (queues_[main].segments == 0) return true;
  return queues_[small].bytes * small_share >= queues_[small].bytes + queues_[main].bytes;
}

bool S3Fifo::evict_one(SegmentTable& table) {
  while (queues_[small].segments + queues_[main].segments != 0) {
    if (small_is_due() ? advance_small(table) : advance_main(table)) return true;
  }
  return false;
}

// Takes the head of the small queue; true when that evicted a segment.
bool S3Fifo::advance_small(SegmentTable& table) {
  Fifo& fifo = queues_[small];
  const SegmentId id = fifo.slots.front();
  fifo.slots.pop_front();
  Segment segment;
  if (!table.oldest(id, small, segment)) return false;
  fifo.drop(segment.bytes);
  if (segment.hits >= hits_to_stay) {
    queues_[main].push(id, segment.bytes);
    table.move(segment, main, 0);
    return false;
  }
  // As many as fit the main queue; while that has not filled yet, as many as it will hold.
  const size_t room = (fifo.segments + queues_[main].segments) * (small_share - 1) / small_share;
  ghost_.add(id, std::max(room, queues_[main].segments));
  table.evict(segment);
  return true;
}

// Takes the head of the main queue; true when that evicted a segment.
bool S3Fifo::advance_main(SegmentTable& table) {
  Fifo& fifo = queues_[main];
  const SegmentId id = fifo.slots.front();
  fifo.slots.pop_front();
  Segment segment;
  if (!table.oldest(id, main, segment)) return false;
  if (segment.hits > 0) {
    fifo.slots.push_back(id);
    table.move(segment, main, static_cast<uint8_t>(segment.hits - 1));
    return false;
  }
  fifo.drop(segment.bytes);
  table.evict(segment);
  return true;
}

// Keeps the newest slots of each id, as many as it has segments.
void S3Fifo::compact(Queue queue, SegmentTable& table) {
  std::deque<SegmentId>& slots = queues_[queue].slots;
  std::unordered_map<SegmentId, size_t> left;
  std::deque<SegmentId> kept;
  for (auto slot = slots.rbegin(); slot != slots.rend(); ++slot) {
    auto [entry, is_new] = left.try_emplace(*slot, 0);
    if (is_new) entry->second = table.count(*slot, queue);
    if (entry->second == 0) continue;
    --entry->second;
    kept.push_front(*slot);
  }
  slots.swap(kept);
}

size_t S3Fifo::memory_bytes() const {
  // A deque takes its slots in pages of 512 bytes, with a pointer to each.
  constexpr size_t page = allocated_bytes(512) + sizeof(void*);
  size_t bytes = ghost_.memory_bytes();
  for (const Fifo& fifo : queues_) bytes += (fifo.slots.size() * sizeof(SegmentId) / 512 + 2) * page;
  return bytes;
}

}  // namespace perigee::cache
