#include "edge/cache/invalidations.h"

namespace perigee::cache {

void Invalidations::add(uint64_t key_hash, uint64_t id) {
  const std::lock_guard lock(mutex_);
  Slot& slot = slots_[key_hash % slot_count];
  const size_t next = slot.next.load(std::memory_order_relaxed);
  Known& oldest = slot.known[next];
  // Before it is written over: who no longer finds it must find this.
  slot.forgotten.store(oldest.at.load(std::memory_order_relaxed), std::memory_order_seq_cst);
  const uint64_t place = count_.load(std::memory_order_relaxed) + 1;
  oldest.at.store(place, std::memory_order_seq_cst);
  oldest.key_hash.store(key_hash, std::memory_order_seq_cst);
  oldest.id.store(id, std::memory_order_release);
  slot.next.store((next + 1) % ids_per_slot, std::memory_order_release);
  count_.store(place, std::memory_order_seq_cst);
  slot.at.store(place, std::memory_order_seq_cst);
}

// Read without the mutex. An entry that is being written over has the place of the new invalidation before it
// has its key, so what is read of it errs to true for the key that it had.
bool Invalidations::since(uint64_t key_hash, uint64_t stamp) const {
  const Slot& slot = this->slot(key_hash);
  if (slot.at.load(std::memory_order_seq_cst) <= stamp) return false;
  for (const Known& known : slot.known) {
    if (known.key_hash.load(std::memory_order_seq_cst) == key_hash &&
        known.at.load(std::memory_order_seq_cst) > stamp) {
      return true;
    }
  }
  return slot.forgotten.load(std::memory_order_seq_cst) > stamp;
}

// Read without the mutex: a pair that is being replaced in this moment belongs to nobody, which is as if it
// had been forgotten already.
std::optional<uint64_t> Invalidations::last_id(uint64_t key_hash) const {
  const Slot& slot = this->slot(key_hash);
  if (slot.at.load(std::memory_order_acquire) == 0) return std::nullopt;
  std::optional<uint64_t> last;
  const size_t oldest = slot.next.load(std::memory_order_acquire);
  for (size_t i = 0; i < ids_per_slot; ++i) {
    const Known& known = slot.known[(oldest + i) % ids_per_slot];
    const uint64_t id = known.id.load(std::memory_order_acquire);
    if (id != 0 && known.key_hash.load(std::memory_order_relaxed) == key_hash) last = id;
  }
  return last;
}

bool Invalidations::knows(uint64_t key_hash, uint64_t id) const {
  for (const Known& known : slot(key_hash).known) {
    if (known.id.load(std::memory_order_acquire) == id &&
        known.key_hash.load(std::memory_order_relaxed) == key_hash) {
      return true;
    }
  }
  return false;
}

}  // namespace perigee::cache
