// How many slots of each id there are, for a pass that must never take long: a table in so many parts that
// growing one of them, and giving all of them back at the end, are small matters.
//
// Owned by a SegmentQueue for as long as it compacts itself. Thread rule: the shard's lock.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "edge/cache/eviction.h"

namespace perigee::cache {

class SlotCounts {
 public:
  // For about so many ids.
  explicit SlotCounts(size_t ids);

  uint32_t of(SegmentId id) const;
  void add(SegmentId id);
  // Without what the allocator adds.
  size_t memory_bytes() const { return memory_bytes_; }

 private:
  struct Entry {
    SegmentId id = 0;
    uint32_t count = 0;  // 0: free
  };
  struct Part {
    std::vector<Entry> entries;  // a power of two of them, at most half in use; open addressing
    size_t used = 0;
  };

  static size_t place_in(const std::vector<Entry>& entries, SegmentId id);
  void grow(Part& part);
  size_t part_of(SegmentId id) const;

  std::vector<Part> parts_;
  size_t memory_bytes_ = 0;
};

}  // namespace perigee::cache
