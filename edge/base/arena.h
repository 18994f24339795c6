// Memory of one request: bump allocation, freed all at once. Header strings of an exchange are views into it.
//
// Owned by one exchange. Thread rule: one owner at a time. Memory comes in chunks that grow from 1 KiB to 16
// KiB; one larger allocation gets a chunk of its own. Nothing is destroyed individually, so only trivially
// destructible things belong here.
#pragma once

#include <cstddef>
#include <cstring>
#include <memory>
#include <string_view>
#include <vector>

namespace perigee {

class Arena {
 public:
  Arena() = default;
  Arena(const Arena&) = delete;
  Arena& operator=(const Arena&) = delete;

  // Uninitialised bytes, aligned to 8.
  char* allocate(size_t bytes) {
    bytes = (bytes + 7) & ~size_t{7};
    if (bytes > left_) grow(bytes);
    char* at = next_;
    next_ += bytes;
    left_ -= bytes;
    return at;
  }

  std::string_view copy(std::string_view text) {
    if (text.empty()) return {};
    char* at = allocate(text.size());
    std::memcpy(at, text.data(), text.size());
    return {at, text.size()};
  }

  size_t bytes_reserved() const { return reserved_; }

 private:
  void grow(size_t bytes) {
    size_t size = chunks_.empty() ? 1024 : chunks_.size() == 1 ? 4096 : 16384;
    if (size < bytes) size = bytes;
    chunks_.push_back(std::make_unique_for_overwrite<char[]>(size));
    next_ = chunks_.back().get();
    left_ = size;
    reserved_ += size;
  }

  std::vector<std::unique_ptr<char[]>> chunks_;
  char* next_ = nullptr;
  size_t left_ = 0;
  size_t reserved_ = 0;
};

}  // namespace perigee
