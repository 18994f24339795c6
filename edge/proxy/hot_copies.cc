#include "edge/proxy/hot_copies.h"

#include <vector>

namespace perigee::proxy {

void HotCopies::stored(std::string_view key, uint64_t bytes) {
  std::vector<Copy> removed;
  {
    const std::lock_guard lock(mutex_);
    copies_.push_back({std::string(key), bytes});
    bytes_ += bytes;
    while (bytes_ > bytes_max_) {
      bytes_ -= copies_.front().bytes;
      removed.push_back(std::move(copies_.front()));
      copies_.pop_front();
    }
  }
  // One that was stored again since goes too: it is asked for once more.
  for (const Copy& copy : removed) store_.purge({copy.key, cache::key_hash(copy.key)});
}

uint64_t HotCopies::bytes() const {
  const std::lock_guard lock(mutex_);
  return bytes_;
}

}  // namespace perigee::proxy
