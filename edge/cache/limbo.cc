#include "edge/cache/limbo.h"

#include <algorithm>
#include <limits>

#include "edge/cache/stored_response.h"

namespace perigee::cache {

Limbo::~Limbo() {
  for (const Waiting& waiting : queue_) StoredResponse::destroy(budget_, waiting.response);
  for (const auto& [response, owed] : pinned_) StoredResponse::destroy(budget_, response);
}

void Limbo::add_reader(Presence& reader) {
  const std::lock_guard lock(mutex_);
  readers_.push_back(&reader);
}

void Limbo::add(Unlinked&& unlinked) {
  if (unlinked.items.empty()) return;
  const std::lock_guard lock(mutex_);
  const uint64_t stamp = epoch_.fetch_add(1, std::memory_order_seq_cst);
  for (const Unlinked::Item& item : unlinked.items) queue_.push_back({item.response, item.weight, stamp});
  weight_.fetch_add(unlinked.weight, std::memory_order_relaxed);
  waiting_.store(queue_.size(), std::memory_order_seq_cst);
  unlinked = {};
}

uint64_t Limbo::oldest_announced() const {
  uint64_t oldest = std::numeric_limits<uint64_t>::max();
  for (const Presence* reader : readers_) {
    const uint64_t announced = reader->announced.load(std::memory_order_seq_cst);
    if (announced != 0) oldest = std::min(oldest, announced);
  }
  return oldest;
}

size_t Limbo::readers_pinning(const StoredResponse* response) {
  size_t count = 0;
  for (Presence* reader : readers_) count += reader->pins.mark_owed(response) ? 1 : 0;
  return count;
}

size_t Limbo::reclaim() {
  if (waiting_.load(std::memory_order_seq_cst) == 0) return 0;
  std::vector<StoredResponse*> garbage;
  uint64_t freed = 0;
  {
    const std::lock_guard lock(mutex_);
    const uint64_t oldest = oldest_announced();
    while (!queue_.empty() && queue_.front().stamp < oldest) {
      const Waiting waiting = queue_.front();
      queue_.pop_front();
      const size_t owed = readers_pinning(waiting.response);
      if (owed == 0) {
        garbage.push_back(waiting.response);
        freed += waiting.weight;
      } else {
        pinned_.emplace(waiting.response, owed);
        weight_.fetch_sub(waiting.weight, std::memory_order_relaxed);
      }
    }
    waiting_.store(queue_.size(), std::memory_order_seq_cst);
  }
  for (StoredResponse* response : garbage) StoredResponse::destroy(budget_, response);
  weight_.fetch_sub(freed, std::memory_order_relaxed);
  return garbage.size();
}

void Limbo::release(StoredResponse* response) {
  {
    const std::lock_guard lock(mutex_);
    const auto entry = pinned_.find(response);
    if (--entry->second != 0) return;
    pinned_.erase(entry);
  }
  StoredResponse::destroy(budget_, response);
}

}  // namespace perigee::cache
