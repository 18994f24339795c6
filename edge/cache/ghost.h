// The ids of segments evicted lately: what comes back soon was evicted too early. A set-associative table of
// (id, time), the time counted in insertions; an entry older than the capacity counts as gone. It forgets
// some entries early when a set overflows.
//
// Thread rule: one owner at a time (the shard's lock).
#pragma once

#include <cstdint>
#include <vector>

#include "edge/cache/eviction.h"

namespace perigee::cache {

class Ghost {
 public:
  // capacity: how many insertions an entry is remembered for; the table grows to hold them and never shrinks.
  void add(SegmentId id, size_t capacity);
  // Whether it is remembered; it is forgotten now.
  bool take(SegmentId id);
  size_t memory_bytes() const { return entries_.capacity() * sizeof(Entry); }

 private:
  struct Entry {
    SegmentId id = 0;
    uint32_t time = 0;  // 0: free
  };
  static constexpr size_t ways = 8;

  bool live(const Entry& entry) const { return entry.time != 0 && now_ - entry.time < capacity_; }
  Entry* set_of(SegmentId id);
  void put(const Entry& entry);
  void grow();

  std::vector<Entry> entries_;
  uint32_t now_ = 0;
  size_t capacity_ = 0;
};

}  // namespace perigee::cache
