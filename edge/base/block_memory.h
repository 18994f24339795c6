// Where the bytes of large bodies live when not on the heap: whole pages, given back to the system when they
// are freed. The heap would keep them as holes.
//
// Thread rule: any thread.
#pragma once

#include <cstddef>
#include <cstdint>

namespace perigee {

class BlockMemory {
 public:
  struct Stats {
    uint64_t used = 0;     // blocks that somebody has
    uint64_t waiting = 0;  // given back, and not the system's again yet
    uint64_t lost = 0;     // that the system did not take back: never used again
    uint64_t bytes = 0;    // what all of them take of the system's memory
    uint64_t refused = 0;  // how often there was none, ever
  };

  // The most that one block holds.
  static constexpr size_t block_bytes_max = 64 * 1024;

  virtual ~BlockMemory() = default;

  // What a block of so many bytes really takes, at most block_bytes_max.
  virtual size_t allocated_bytes(size_t bytes) const = 0;
  // Room for 1 to block_bytes_max bytes, of any content. behind: a block after which this one is to lie, if
  // it can, or null. ahead: how many more are likely to follow. Null when there is none; the caller has a
  // heap.
  virtual char* take(size_t bytes, const char* behind, size_t ahead) = 0;
  // Cheap, however many are given back at once: the system gets the pages later, some with each take(), the
  // rest by release().
  virtual void give_back(char* block) = 0;
  // Gives the system some of what waits for it. False when nothing does.
  virtual bool release() = 0;
  // One moment's figures; they need not add up.
  virtual Stats stats() const = 0;

 protected:
  BlockMemory() = default;
};

}  // namespace perigee
