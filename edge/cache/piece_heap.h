// Where stored responses lie when not on malloc's heap: pieces of one PageRange, cut and joined again so that
// free ones lie together, and a heap that gives pages back in small steps. malloc_trim(3) holds a heap's lock
// for as long as the system takes to free all of it, and whoever wants memory meanwhile stands still: 150 ms
// when a million responses had been purged.
//
// Free pieces are found by size in constant time (Masmano and others, "TLSF: a new dynamic memory allocator
// for real-time systems", ECRTS 2004), the smallest class that surely fits first; neighbours that are free
// are one piece at once. A piece costs what malloc takes (allocated_bytes): eight bytes before it, steps
// of 16.
//
// A free piece knows which part of it was written since its pages were given back. discard_some() takes the
// piece that has waited longest out of the heap, gives the system at most discard_bytes_max of it, and puts
// it back: a thread that loses its processor while the system frees pages holds nobody up. Who finds nothing
// else meanwhile is given of that piece what lies beside those pages.
//
// Owned by whoever owns the range; the store's budget knows it. Thread rule: any thread; a lock is held for
// some list operations, and never during a system call. Who gives a piece back never waits for it: what comes
// while another has the lock is taken in by the next who has.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <mutex>

#include "edge/base/page_range.h"

namespace perigee::cache {

class PieceHeap {
 public:
  // What one step gives back at most: some ten microseconds' work for the system.
  static constexpr size_t discard_bytes_max = 128 * 1024;

  // The range outlives the heap, has at least two pages and at most 2^47 bytes.
  explicit PieceHeap(PageRange& range);
  PieceHeap(const PieceHeap&) = delete;
  PieceHeap& operator=(const PieceHeap&) = delete;

  // Room for so many bytes, on a boundary of 16. Null when there is none; the caller has another heap.
  void* take(size_t bytes);
  // What take() gave. Does not block.
  void give_back(void* piece);
  bool holds(const void* piece) const {
    const char* at = static_cast<const char*>(piece);
    return at >= range_.begin() && at < range_.begin() + range_.size();
  }

  // Bytes of free pieces whose pages the process still has.
  uint64_t holes() const { return holes_.load(std::memory_order_relaxed); }
  // Gives some whole pages of one free piece back, and says how many bytes; none: there are no such pages. By
  // one thread at a time.
  size_t discard_some();

 private:
  struct Chunk;
  struct Span {
    uintptr_t begin = 0;
    uintptr_t end = 0;

    uint64_t size() const { return begin < end ? end - begin : 0; }
    void add(Span other);
  };

  static constexpr unsigned fine_bits = 5;  // classes for each power of two: 32
  static constexpr unsigned fine_classes = 1u << fine_bits;
  static constexpr unsigned powers = 48;

  struct Class {
    unsigned power;
    unsigned fine;
  };
  static Class class_of(uint64_t size);
  Chunk* find(uint64_t size);
  void take_in_returned();
  // A free piece into its lists and out of them.
  void enter(Chunk* chunk);
  void leave(Chunk* chunk);
  void enlist(Chunk* chunk);
  void delist(Chunk* chunk);
  Chunk* join(Chunk* chunk, Span written);
  Chunk* split(Chunk* chunk, uint64_t size);
  Chunk* cut(Chunk* chunk, uint64_t size);
  Chunk* find_apart(uint64_t size);
  Span discardable(const Chunk* chunk) const;
  uint64_t resident(const Chunk* chunk) const;
  void add_holes(uint64_t bytes) { holes_.store(holes() + bytes, std::memory_order_relaxed); }

  PageRange& range_;
  const uint64_t page_bytes_;
  std::atomic<uint64_t> holes_{0};
  std::atomic<Chunk*> returned_{nullptr};  // a list of pieces that were given back without the lock
  std::mutex mutex_;                       // guards what follows, and all headers in the range
  uint64_t power_map_ = 0;
  std::array<uint32_t, powers> fine_maps_{};
  std::array<std::array<Chunk*, fine_classes>, powers> lists_{};
  // Those with pages to give back, in the order in which they became so.
  Chunk* first_dirty_ = nullptr;
  Chunk* last_dirty_ = nullptr;
  // In no list while some pages of it are given back.
  Chunk* apart_ = nullptr;
  Span apart_pages_;
};

}  // namespace perigee::cache
