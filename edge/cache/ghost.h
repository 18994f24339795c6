// The ids of segments evicted lately: what comes back soon was evicted too early. A set-associative table of
// (id, time), the time counted in insertions; an entry older than the capacity counts as gone. It forgets
// some entries early when a set overflows. When it grows, a few sets move with each insertion, and memory is
// taken in pages when they are first written: no insertion takes long.
//
// Thread rule: one owner at a time (the shard's lock).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "edge/cache/eviction.h"

namespace perigee::cache {

class Ghost {
 public:
  // capacity: how many insertions an entry is remembered for; the table grows to hold them and never shrinks.
  void add(SegmentId id, size_t capacity);
  // Whether it is remembered; it is forgotten now.
  bool take(SegmentId id);
  size_t memory_bytes() const { return table_.memory_bytes() + old_.memory_bytes(); }
  // How many entries the last insertion moved, for tests.
  size_t moved() const { return moved_; }

 private:
  struct Entry {
    SegmentId id = 0;
    uint32_t time = 0;  // 0: free
  };
  static constexpr size_t ways = 8;
  using Set = std::array<Entry, ways>;

  // A power of two of sets, in pages of which only those exist that were written.
  class Table {
   public:
    explicit Table(size_t sets = 0) : sets_(sets), pages_((sets + page_sets - 1) / page_sets) {}
    size_t sets() const { return sets_; }
    Set* find(size_t set) const;  // null: nothing was ever put there
    Set& at(size_t set);
    void forget_page_of(size_t set);
    size_t memory_bytes() const;

   private:
    friend class Ghost;
    static constexpr size_t page_sets = 64;  // 4 KiB
    using Page = std::array<Set, page_sets>;

    size_t sets_;
    size_t pages_used_ = 0;
    std::vector<std::unique_ptr<Page>> pages_;
  };

  bool live(const Entry& entry) const { return entry.time != 0 && now_ - entry.time < capacity_; }
  static size_t set_of(const Table& table, SegmentId id);
  bool take_from(const Table& table, SegmentId id);
  void put(const Entry& entry);
  void move_some();

  Table table_;
  Table old_;  // while it grows: sets from moving_ on have not moved yet
  size_t moving_ = 0;
  size_t moved_ = 0;
  uint32_t now_ = 0;
  size_t capacity_ = 0;
};

}  // namespace perigee::cache
