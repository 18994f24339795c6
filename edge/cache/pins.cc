#include "edge/cache/pins.h"

#include <cassert>
#include <utility>

namespace perigee::cache {

size_t Pins::place(const StoredResponse* response) const {
  const uint64_t mixed = reinterpret_cast<uintptr_t>(response) / 16 * 0x9e3779b97f4a7c15ull;
  return static_cast<size_t>(mixed >> 32) & (rows_.size() - 1);
}

size_t Pins::find(const StoredResponse* response) const {
  size_t row = place(response);
  while (rows_[row].response != nullptr && rows_[row].response != response) {
    row = (row + 1) & (rows_.size() - 1);
  }
  return row;
}

void Pins::grow() {
  const size_t size = rows_.empty() ? 32 : rows_.size() * 2;
  std::vector<Row> old = std::exchange(rows_, std::vector<Row>(size));
  for (const Row& row : old) {
    if (row.response != nullptr) rows_[find(row.response)] = row;
  }
}

void Pins::pin(const StoredResponse* response) {
  const std::lock_guard lock(mutex_);
  if (rows_.size() < 2 * (used_ + 1)) grow();
  Row& row = rows_[find(response)];
  if (row.response == nullptr) {
    row = {response, 0, false};
    ++used_;
  }
  ++row.count;
}

bool Pins::unpin(const StoredResponse* response) {
  const std::lock_guard lock(mutex_);
  assert(!rows_.empty());
  const size_t row = find(response);
  assert(rows_[row].response == response);
  if (--rows_[row].count != 0) return false;
  const bool owed = rows_[row].owed;
  erase(row);
  return owed;
}

// Moves later rows of the run back, so that no probe ends early (Knuth, volume 3, 6.4 algorithm R).
void Pins::erase(size_t row) {
  const size_t mask = rows_.size() - 1;
  --used_;
  for (size_t next = (row + 1) & mask; rows_[next].response != nullptr; next = (next + 1) & mask) {
    const size_t home = place(rows_[next].response);
    if (((next - home) & mask) < ((next - row) & mask)) continue;
    rows_[row] = rows_[next];
    row = next;
  }
  rows_[row] = {};
}

bool Pins::mark_owed(const StoredResponse* response) {
  const std::lock_guard lock(mutex_);
  if (used_ == 0) return false;
  Row& row = rows_[find(response)];
  if (row.response == nullptr) return false;
  row.owed = true;
  return true;
}

size_t Pins::size() const {
  const std::lock_guard lock(mutex_);
  return used_;
}

}  // namespace perigee::cache
