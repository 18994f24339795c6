#include "edge/cache/ghost.h"

#include <utility>

namespace perigee::cache {

namespace {

constexpr size_t entries_min = 256;

// Ids are the low half of a hash whose bits also chose the bucket; spread them anew (Fibonacci hashing).
constexpr uint64_t spread(SegmentId id) { return id * 0x9e3779b97f4a7c15ull; }

}  // namespace

Ghost::Entry* Ghost::set_of(SegmentId id) {
  const uint64_t sets = entries_.size() / ways;
  return &entries_[((spread(id) >> 32) * sets >> 32) * ways];
}

// Takes the place of the same id, else of the oldest entry of its set.
void Ghost::put(const Entry& entry) {
  Entry* set = set_of(entry.id);
  Entry* place = set;
  for (size_t i = 0; i < ways; ++i) {
    if (set[i].time != 0 && set[i].id == entry.id) {
      place = &set[i];
      break;
    }
    if (!live(set[i])) {
      if (live(*place)) place = &set[i];
    } else if (live(*place) && now_ - set[i].time > now_ - place->time) {
      place = &set[i];
    }
  }
  *place = entry;
}

void Ghost::grow() {
  const size_t size = entries_.empty() ? entries_min : entries_.size() * 2;
  std::vector<Entry> old = std::exchange(entries_, std::vector<Entry>(size));
  for (const Entry& entry : old) {
    if (live(entry)) put(entry);
  }
}

void Ghost::add(SegmentId id, size_t capacity) {
  capacity_ = capacity;
  while (entries_.size() < capacity || entries_.empty()) grow();
  if (++now_ == 0) ++now_;
  put({id, now_});
}

bool Ghost::take(SegmentId id) {
  if (entries_.empty()) return false;
  Entry* set = set_of(id);
  for (size_t i = 0; i < ways; ++i) {
    if (set[i].id != id || !live(set[i])) continue;
    set[i].time = 0;
    return true;
  }
  return false;
}

}  // namespace perigee::cache
