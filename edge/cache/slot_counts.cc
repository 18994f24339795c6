#include "edge/cache/slot_counts.h"

#include <bit>

namespace perigee::cache {

namespace {

constexpr size_t ids_per_part = 256;
constexpr size_t entries_min = 16;

// Ids are the low half of a hash whose bits also chose the bucket; spread them anew (Fibonacci hashing).
constexpr uint64_t spread(SegmentId id) { return id * 0x9e3779b97f4a7c15ull; }

}  // namespace

SlotCounts::SlotCounts(size_t ids) : parts_(std::bit_ceil(ids / ids_per_part + 1)) {
  memory_bytes_ = parts_.size() * sizeof(Part);
}

size_t SlotCounts::part_of(SegmentId id) const { return (spread(id) >> 40) & (parts_.size() - 1); }

// Where the id is counted, or would be.
size_t SlotCounts::place_in(const std::vector<Entry>& entries, SegmentId id) {
  size_t at = (spread(id) >> 20) & (entries.size() - 1);
  while (entries[at].count != 0 && entries[at].id != id) at = (at + 1) & (entries.size() - 1);
  return at;
}

void SlotCounts::grow(Part& part) {
  std::vector<Entry> larger(part.entries.empty() ? entries_min : 2 * part.entries.size());
  for (const Entry& entry : part.entries) {
    if (entry.count != 0) larger[place_in(larger, entry.id)] = entry;
  }
  memory_bytes_ += (larger.size() - part.entries.size()) * sizeof(Entry);
  part.entries.swap(larger);
}

uint32_t SlotCounts::of(SegmentId id) const {
  const std::vector<Entry>& entries = parts_[part_of(id)].entries;
  return entries.empty() ? 0 : entries[place_in(entries, id)].count;
}

void SlotCounts::add(SegmentId id) {
  Part& part = parts_[part_of(id)];
  if (2 * part.used >= part.entries.size()) grow(part);
  Entry& entry = part.entries[place_in(part.entries, id)];
  if (entry.count++ == 0) ++part.used;
  entry.id = id;
}

}  // namespace perigee::cache
