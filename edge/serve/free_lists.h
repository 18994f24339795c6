// Small memory that comes and goes with every stream of HTTP/2: a list of free blocks for each size (a simple
// segregated free list, after Wilson and others, "Dynamic Storage Allocation: A Survey and Critical Review",
// IWMM 1995). malloc keeps seven of a size at hand for a thread and searches and joins for all others; a
// client with 32 requests in flight makes 160 of five sizes come and go in a turn.
//
// What is larger, and what is free of one size beyond kept_bytes_max, is malloc's. Under the address
// sanitizer everything is, unless told otherwise: it has to see what is used after it was given back.
//
// Must outlive what was taken. Thread rule: the loop's thread.
#pragma once

#include <array>
#include <cstddef>

#include "edge/base/poison.h"

namespace perigee::serve {

class FreeLists {
 public:
  explicit FreeLists(bool keeps = !address_sanitizer) : keeps_(keeps) {}
  ~FreeLists();
  FreeLists(const FreeLists&) = delete;
  FreeLists& operator=(const FreeLists&) = delete;

  // Of each size, so that many of one leave room for the others: there are 64.
  static constexpr size_t kept_bytes_max = 32 * 1024;

  // As malloc(), free() and realloc(), but never of nothing.
  void* take(size_t bytes);
  void give(void* memory);
  void* change(void* memory, size_t bytes);

  // Bytes of free blocks.
  size_t kept_bytes() const;

 private:
  // In a block while it is free. How large a block is malloc knows, so nothing stands before it.
  struct Free {
    Free* next;
  };
  // What malloc's blocks hold: 24 bytes, 40 and so on.
  static constexpr size_t least = 24;
  static constexpr size_t step = 16;
  static constexpr size_t listed_bytes_max = 1032;

  struct List {
    Free* first = nullptr;
    size_t bytes = 0;
  };
  static constexpr size_t room_for(size_t bytes) {
    return bytes <= least ? least : (bytes - least + step - 1) / step * step + least;
  }
  List& list_of(size_t room) { return lists_[(room - least) / step]; }

  const bool keeps_;
  std::array<List, (listed_bytes_max - least) / step + 1> lists_;
};

}  // namespace perigee::serve
