#include "edge/cache/segment_queue.h"

#include "edge/cache/budget.h"

namespace perigee::cache {

namespace {

constexpr size_t dead_slots_min = 1024;  // before a queue is worth compacting
// With each removal. More than two, or a pass would not be over when the next one is due.
constexpr size_t steps_per_removal = 4;

}  // namespace

void SegmentQueue::push(SegmentId id, uint64_t bytes) {
  (pass_ ? kept_ : slots_).push_back(id);
  ++segments_;
  bytes_ += bytes;
}

bool SegmentQueue::pop(SegmentTable& table, Segment& out) {
  const SegmentId id = slots_.front();
  slots_.pop_front();
  if (slots_.empty()) end_pass();
  if (!table.oldest(id, number_, out)) return false;
  --segments_;
  bytes_ -= out.bytes;
  return true;
}

void SegmentQueue::removed(uint64_t bytes, SegmentTable& table) {
  --segments_;
  bytes_ -= bytes;
  if (!pass_ && slots_.size() > 2 * segments_ + dead_slots_min)
    pass_ = std::make_unique<SlotCounts>(slots_.size() / 2);
  if (pass_) go_on(table);
}

// A slot may go when those kept so far do for all segments of its id: the older ones to come are not needed.
// What was pushed meanwhile is not counted, and so a slot too many may stay, never one too few.
void SegmentQueue::go_on(SegmentTable& table) {
  for (size_t step = 0; step < steps_per_removal && !slots_.empty(); ++step) {
    const SegmentId id = slots_.back();
    slots_.pop_back();
    if (pass_->of(id) >= table.count(id, number_)) continue;
    pass_->add(id);
    kept_.push_front(id);
  }
  if (slots_.empty()) end_pass();
}

void SegmentQueue::end_pass() {
  slots_.swap(kept_);
  pass_.reset();
}

size_t SegmentQueue::memory_bytes() const {
  // A deque takes its slots in pages of 512 bytes, with a pointer to each.
  constexpr size_t page = allocated_bytes(512) + sizeof(void*);
  const size_t pages = slots_.size() * sizeof(SegmentId) / 512 + kept_.size() * sizeof(SegmentId) / 512 + 4;
  return pages * page + (pass_ ? allocated_bytes(pass_->memory_bytes()) : 0);
}

}  // namespace perigee::cache
