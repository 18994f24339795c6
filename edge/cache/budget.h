// The one byte budget of a node's store: index, heads, blocks, ghosts, fills in flight, and what is pinned
// after eviction all charge here, as the allocator rounds. It knows where the blocks of large bodies and the
// pieces of stored responses come from.
//
// Thread rule: any thread. Charging is a relaxed atomic add, off the hit path.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "edge/base/block_memory.h"

namespace perigee::cache {

class PieceHeap;

class Budget {
 public:
  // blocks, pieces: null for the heap; they outlive the budget.
  explicit Budget(uint64_t bytes_max, BlockMemory* blocks = nullptr, PieceHeap* pieces = nullptr)
      : bytes_max_(bytes_max), blocks_(blocks), pieces_(pieces) {}

  BlockMemory* blocks() const { return blocks_; }
  PieceHeap* pieces() const { return pieces_; }
  // What is no longer than this is stored in one allocation with its head. With pages to be had, what is
  // longer is worth the part of a page that it wastes; on the heap larger pieces leave larger holes, which
  // are given back sooner.
  size_t small_body_max() const { return blocks_ != nullptr ? 16 * 1024 : 64 * 1024; }

  void charge(size_t bytes) { used_.fetch_add(bytes, std::memory_order_relaxed); }
  void release(size_t bytes) { used_.fetch_sub(bytes, std::memory_order_relaxed); }
  uint64_t used() const { return used_.load(std::memory_order_relaxed); }
  uint64_t bytes_max() const { return bytes_max_; }
  // What there is to use: less when the allocator's heap has holes that are of no use to anybody.
  uint64_t usable() const { return bytes_max_ - lost_.load(std::memory_order_relaxed); }
  bool exceeded() const { return used() > usable(); }
  // At most lost_share of the budget is ever taken for lost.
  void set_lost(uint64_t bytes) {
    lost_.store(bytes < bytes_max_ / lost_share ? bytes : bytes_max_ / lost_share, std::memory_order_relaxed);
  }
  // The most that one response may hold.
  uint64_t response_bytes_max() const { return bytes_max_ / 8; }

 private:
  static constexpr uint64_t lost_share = 8;

  const uint64_t bytes_max_;
  BlockMemory* const blocks_;
  PieceHeap* const pieces_;
  std::atomic<uint64_t> lost_{0};
  std::atomic<uint64_t> used_{0};
};

// What malloc really takes for a request of that size (glibc: 8 bytes of header, steps of 16, at least 32).
constexpr size_t allocated_bytes(size_t bytes) {
  const size_t rounded = (bytes + 8 + 15) & ~size_t{15};
  return rounded < 32 ? 32 : rounded;
}

}  // namespace perigee::cache
