#include "edge/cache/lru.h"

#include "edge/cache/budget.h"

namespace perigee::cache {

uint8_t Lru::admit(SegmentId id, uint64_t) {
  const auto place = places_.find(id);
  if (place != places_.end()) order_.erase(place->second);
  order_.push_front(id);
  places_[id] = order_.begin();
  return 0;
}

void Lru::touched(SegmentId id) {
  const auto place = places_.find(id);
  if (place != places_.end()) order_.splice(order_.begin(), order_, place->second);
}

void Lru::removed(SegmentId id, uint8_t queue, uint64_t, SegmentTable& table) {
  const auto place = places_.find(id);
  if (place == places_.end() || table.count(id, queue) != 0) return;
  order_.erase(place->second);
  places_.erase(place);
}

bool Lru::evict_one(SegmentTable& table) {
  while (!order_.empty()) {
    Segment segment;
    if (table.oldest(order_.back(), 0, segment)) {
      table.evict(segment);
      return true;
    }
    places_.erase(order_.back());
    order_.pop_back();
  }
  return false;
}

size_t Lru::memory_bytes() const {
  constexpr size_t node =
      allocated_bytes(3 * sizeof(void*)) + allocated_bytes(4 * sizeof(void*)) + sizeof(void*);
  return places_.size() * node;
}

}  // namespace perigee::cache
