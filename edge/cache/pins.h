// Which stored responses one worker holds beyond its turn, and how often.
//
// A flat table with linear probing, grown by doubling; it allocates only when it grows. Its mutex is the
// worker's own: nobody else takes it but the reclaimer, which looks in when a response leaves the store.
//
// Thread rule: pin and unpin on the worker's thread; mark_owed and size on any.
#pragma once

#include <cstddef>
#include <cstdint>
#include <mutex>
#include <vector>

namespace perigee::cache {

class StoredResponse;

class Pins {
 public:
  void pin(const StoredResponse* response);
  // True when that was the last pin and the response was marked as owed: whoever unpinned it must release it.
  bool unpin(const StoredResponse* response);
  // If it is pinned, its last unpin will say so.
  bool mark_owed(const StoredResponse* response);
  // Responses, not pins.
  size_t size() const;

 private:
  struct Row {
    const StoredResponse* response = nullptr;
    uint32_t count = 0;
    bool owed = false;
  };

  size_t place(const StoredResponse* response) const;
  size_t find(const StoredResponse* response) const;  // its row, or the free one where it belongs
  void erase(size_t row);
  void grow();

  mutable std::mutex mutex_;
  std::vector<Row> rows_;  // a power of two, at most half full
  size_t used_ = 0;
};

}  // namespace perigee::cache
