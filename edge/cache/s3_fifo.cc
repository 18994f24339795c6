#include "edge/cache/s3_fifo.h"

#include <algorithm>

namespace perigee::cache {

namespace {

// Of the adaptive share. A return to a queue's past moves it by about a segment; those to the main queue's
// count for more, because only half as many of them are remembered and they are rarer even so. Found by
// replaying the mixes of bench/evict.
constexpr double small_share_min = 0.05;
constexpr double small_share_max = 0.9;
constexpr double step_up = 1;
constexpr double step_down = 3;
constexpr uint8_t hits_usual = 2;  // to leave the small queue for the main queue

}  // namespace

uint8_t S3Fifo::admit(SegmentId id, uint64_t bytes) {
  Queue target = small;
  if (ghost_.take(id)) {
    target = main;
    shift(step_up);
  } else if (options_.adaptive && main_ghost_.take(id)) {
    target = main;
    shift(-step_down);
  }
  queue(target).push(id, bytes);
  return target;
}

void S3Fifo::shift(double step) {
  if (!options_.adaptive) return;
  const size_t segments = small_.segments() + main_.segments();
  if (segments == 0) return;
  small_share_ =
      std::clamp(small_share_ + step / static_cast<double>(segments), small_share_min, small_share_max);
}

void S3Fifo::replaced(uint8_t number, uint64_t old_bytes, uint64_t new_bytes) {
  queue(number).replaced(old_bytes, new_bytes);
}

void S3Fifo::removed(SegmentId, uint8_t number, uint64_t bytes, SegmentTable& table) {
  queue(number).removed(bytes, table);
}

bool S3Fifo::small_is_due() const {
  if (small_.empty()) return false;
  if (main_.empty()) return true;
  return static_cast<double>(small_.bytes()) >=
         small_share_ * static_cast<double>(small_.bytes() + main_.bytes());
}

bool S3Fifo::evict_one(SegmentTable& table) {
  while (!small_.empty() || !main_.empty()) {
    if (small_is_due() ? advance_small(table) : advance_main(table)) return true;
  }
  return false;
}

uint64_t S3Fifo::mean_bytes() const {
  const size_t segments = small_.segments() + main_.segments();
  return segments == 0 ? 0 : (small_.bytes() + main_.bytes()) / segments;
}

uint8_t S3Fifo::hits_to_stay(uint64_t bytes) const {
  if (!options_.by_size) return hits_usual;
  const uint64_t mean = mean_bytes();
  if (bytes <= mean / 2) return 1;
  return bytes <= 2 * mean ? 2 : 3;
}

uint8_t S3Fifo::hits_per_round(uint64_t bytes) const {
  if (!options_.by_size) return 1;
  const uint64_t mean = mean_bytes();
  if (bytes <= mean) return 1;
  return bytes <= 4 * mean ? 2 : 3;
}

// Takes the head of the small queue; true when that evicted a segment.
bool S3Fifo::advance_small(SegmentTable& table) {
  Segment segment;
  if (!small_.pop(table, segment)) return false;
  if (segment.hits >= hits_to_stay(segment.bytes)) {
    main_.push(segment.id, segment.bytes);
    table.move(segment, main, 0);
    return false;
  }
  // As many as fit the main queue; while that has not filled yet, as many as it will hold.
  const double segments = static_cast<double>(small_.segments() + main_.segments());
  const auto room = static_cast<size_t>(segments * (1 - small_share_));
  ghost_.add(segment.id, std::max(room, main_.segments()));
  table.evict(segment);
  return true;
}

// Takes the head of the main queue; true when that evicted a segment.
bool S3Fifo::advance_main(SegmentTable& table) {
  Segment segment;
  if (!main_.pop(table, segment)) return false;
  const uint8_t cost = hits_per_round(segment.bytes);
  if (segment.hits >= cost) {
    main_.push(segment.id, segment.bytes);
    table.move(segment, main, static_cast<uint8_t>(segment.hits - cost));
    return false;
  }
  if (options_.adaptive) main_ghost_.add(segment.id, (small_.segments() + main_.segments()) / 2 + 1);
  table.evict(segment);
  return true;
}

size_t S3Fifo::memory_bytes() const {
  return small_.memory_bytes() + main_.memory_bytes() + ghost_.memory_bytes() + main_ghost_.memory_bytes();
}

}  // namespace perigee::cache
