#include "edge/cache/gdsf.h"

#include <algorithm>
#include <limits>
#include <unordered_map>
#include <utility>

#include "edge/cache/budget.h"

namespace perigee::cache {

namespace {

constexpr size_t sample = 32;
constexpr size_t dead_slots_min = 1024;
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
  if (slots_.size() > 2 * segments_ + dead_slots_min) compact(table);
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

// Keeps as many slots of each id as it has segments.
void Gdsf::compact(SegmentTable& table) {
  std::unordered_map<SegmentId, size_t> left;
  std::vector<Slot> kept;
  for (auto slot = slots_.rbegin(); slot != slots_.rend(); ++slot) {
    auto [entry, is_new] = left.try_emplace(slot->id, 0);
    if (is_new) entry->second = table.count(slot->id, 0);
    if (entry->second == 0) continue;
    --entry->second;
    kept.push_back(*slot);
  }
  std::reverse(kept.begin(), kept.end());
  slots_ = std::move(kept);
}

size_t Gdsf::memory_bytes() const {
  return slots_.capacity() == 0 ? 0 : allocated_bytes(slots_.capacity() * sizeof(Slot));
}

}  // namespace perigee::cache
