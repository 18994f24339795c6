#include "edge/cache/gdsf.h"

#include <algorithm>
#include <limits>

#include "edge/cache/budget.h"

namespace perigee::cache {

namespace {

constexpr size_t sample = 32;
constexpr size_t dead_slots_min = 1024;
// With each removal. More than two, or a pass would not be over when the next one is due.
constexpr size_t steps_per_removal = 4;
constexpr uint32_t uses_max = 1u << 20;
constexpr double gone = -1;  // less than any worth

}  // namespace

uint8_t Gdsf::admit(SegmentId id, uint64_t) {
  slots_.push_back({id, 1, floor_});
  ++segments_;
  return 0;
}

void Gdsf::removed(SegmentId, uint8_t, uint64_t, SegmentTable& table) {
  --segments_;
  if (!pass_ && slots_.size() > 2 * segments_ + dead_slots_min) {
    pass_ = std::make_unique<SlotCounts>(slots_.size() / 2);
    ahead_ = slots_.size();
  }
  if (pass_) go_on(table);
}

void Gdsf::drop(size_t place) {
  slots_[place] = slots_.back();
  slots_.pop_back();
}

// The worth of the segment in that slot; `gone` when there is none.
double Gdsf::look_at(size_t place, SegmentTable& table, Segment& out) {
  Slot& slot = slots_[place];
  if (!table.oldest(slot.id, 0, out)) return gone;
  if (out.hits > 0) {
    slot.uses = std::min(slot.uses + out.hits, uses_max);
    slot.floor = floor_;
    table.move(out, 0, 0);
  }
  return slot.floor + static_cast<double>(slot.uses) / static_cast<double>(std::max<uint64_t>(out.bytes, 1));
}

bool Gdsf::evict_one(SegmentTable& table) {
  pass_.reset();
  double least = std::numeric_limits<double>::infinity();
  size_t victim = 0;
  Segment chosen;
  size_t looked_at = 0;
  while (looked_at < sample && !slots_.empty()) {
    const size_t place = random_.below(slots_.size());
    Segment segment;
    const double worth = look_at(place, table, segment);
    if (worth == gone) {
      // The last slot moves here, and it may be the victim so far.
      if (victim == slots_.size() - 1) victim = place;
      drop(place);
      continue;
    }
    ++looked_at;
    if (worth >= least) continue;
    least = worth;
    victim = place;
    chosen = segment;
  }
  if (looked_at == 0) return false;
  floor_ = std::max(floor_, least);
  drop(victim);
  --segments_;
  table.evict(chosen);
  return true;
}

// From the newest slot to the oldest. One may go when those kept so far do for all segments of its id: the
// last slot, which the pass has looked at or which came since, takes its place.
void Gdsf::go_on(SegmentTable& table) {
  for (size_t step = 0; step < steps_per_removal && ahead_ > 0; ++step) {
    const SegmentId id = slots_[--ahead_].id;
    if (pass_->of(id) >= table.count(id, 0)) {
      drop(ahead_);
    } else {
      pass_->add(id);
    }
  }
  if (ahead_ == 0) pass_.reset();
}

size_t Gdsf::memory_bytes() const {
  // A deque takes its slots in pages of 512 bytes, with a pointer to each.
  constexpr size_t page = allocated_bytes(512) + sizeof(void*);
  return (slots_.size() * sizeof(Slot) / 512 + 2) * page +
         (pass_ ? allocated_bytes(pass_->memory_bytes()) : 0);
}

}  // namespace perigee::cache
