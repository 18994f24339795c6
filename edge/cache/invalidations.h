// Which keys have been invalidated lately (RFC 9111 4.4), for what a purge of the store alone does not reach:
// a fetch that was sent before an invalidation and comes back after it.
//
// Every invalidation takes the next place in one count. A fetch remembers the count of when it was sent; what
// it brings is neither stored nor given to those who come later when its key has been invalidated since.
//
// An invalidation also has an id, the same on every node of the cluster. A request to a peer names the id
// that the asker knows for the key, so that a peer which has not heard of it yet hears of it with the
// question, before it answers. Otherwise an answer from before the invalidation could come to a node that had
// already forgotten it.
//
// Fixed size: keys share slots by their hash, and of a slot the last few invalidations are known, by the
// whole hash of the key. When more than those came to a slot while a fetch was under way, since() is true for
// all of its keys, which costs a fetch; it is never false for a key that was invalidated.
//
// Ownership: one per node, the FillTable's. Thread rule: any thread; add() takes a mutex, the others read.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <mutex>
#include <optional>
#include <vector>

namespace perigee::cache {

class Invalidations {
 public:
  Invalidations() : slots_(slot_count) {}
  Invalidations(const Invalidations&) = delete;
  Invalidations& operator=(const Invalidations&) = delete;

  uint64_t count() const { return count_.load(std::memory_order_seq_cst); }
  // Before the store is purged: whoever commits looks here afterwards.
  void add(uint64_t key_hash, uint64_t id);
  // Has the key been invalidated after the count was `stamp`?
  bool since(uint64_t key_hash, uint64_t stamp) const;
  // The id of the key's last invalidation, as far as it is remembered.
  std::optional<uint64_t> last_id(uint64_t key_hash) const;
  bool knows(uint64_t key_hash, uint64_t id) const;

 private:
  static constexpr size_t slot_count = 2048;
  static constexpr size_t ids_per_slot = 4;

  struct Known {
    std::atomic<uint64_t> key_hash{0};
    std::atomic<uint64_t> id{0};
    std::atomic<uint64_t> at{0};  // the count as of it
  };
  struct Slot {
    std::atomic<uint64_t> at{0};         // the count as of its last invalidation
    std::atomic<uint64_t> forgotten{0};  // the same of the last one that is no longer known
    std::array<Known, ids_per_slot> known;
    std::atomic<size_t> next{0};  // of known, to be written
  };
  const Slot& slot(uint64_t key_hash) const { return slots_[key_hash % slot_count]; }

  std::atomic<uint64_t> count_{0};
  std::mutex mutex_;  // of those who add
  std::vector<Slot> slots_;
};

}  // namespace perigee::cache
