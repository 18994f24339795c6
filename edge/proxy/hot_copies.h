// The copies of hot keys that a node keeps although another node owns them, and the memory they may take.
//
// A copy is a stored response like any other: it ages, is validated, purged and invalidated, and may be
// evicted. This list only knows what was admitted and how much that was, and removes the oldest copies when
// their sum is more than the node's share. What the store has evicted meanwhile still counts until its turn
// comes, so the share is never exceeded.
//
// Ownership: the Node's, shared by its workers. Thread rule: any thread; a mutex, taken when a copy is
// stored, never on a hit.
#pragma once

#include <cstdint>
#include <deque>
#include <mutex>
#include <string>
#include <string_view>

#include "edge/cache/store.h"

namespace perigee::proxy {

class HotCopies {
 public:
  // bytes_max: for all copies; 0 keeps none.
  HotCopies(cache::Store& store, uint64_t bytes_max) : store_(store), bytes_max_(bytes_max) {}

  // May a copy of so many bytes be kept? One takes at most an eighth of the share.
  bool admits(uint64_t bytes) const { return bytes < bytes_max_ / 8; }
  // A copy was stored.
  void stored(std::string_view key, uint64_t bytes);

  uint64_t bytes() const;

 private:
  struct Copy {
    std::string key;
    uint64_t bytes;
  };

  cache::Store& store_;
  const uint64_t bytes_max_;
  mutable std::mutex mutex_;
  std::deque<Copy> copies_;  // oldest first
  uint64_t bytes_ = 0;
};

}  // namespace perigee::proxy
