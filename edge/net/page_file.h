// BlockMemory that the kernel can send from without copying: pages of a file that has no name and lives in
// memory (memfd_create(2)), all of it mapped.
//
// A block that is given back leaves a hole (fallocate(2), FALLOC_FL_PUNCH_HOLE): its pages are taken out of
// the file, so whoever takes the place next gets new ones. What sendfile(2) has put into a socket keeps the
// old pages until the client has them, whatever becomes of the block.
//
// The file is as large as blocks of a quarter of block_bytes_max could need; a place that was never written
// takes no memory, only addresses. Places lie in a row where they can, so that a body is one run of the file.
//
// Thread rule: any thread. take() and give_back() hold a lock for the search only.
#pragma once

#include <sys/types.h>

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

#include "edge/base/block_memory.h"
#include "edge/base/bytes.h"

namespace perigee::net {

class PageFile final : public BlockMemory {
 public:
  // For so many bytes of blocks. Null where the system has no such files or no addresses left.
  static std::unique_ptr<PageFile> create(uint64_t bytes);
  ~PageFile() override;

  size_t allocated_bytes(size_t bytes) const override;
  char* take(size_t bytes, const char* behind, size_t ahead) override;
  void give_back(char* block, size_t bytes) override;

  int descriptor() const { return descriptor_; }
  // Are these bytes of a block? Then where they are in the file.
  bool holds(Slice bytes) const {
    return bytes.data() >= begin_ && bytes.data() + bytes.size() <= begin_ + size_;
  }
  off_t offset_of(Slice bytes) const { return bytes.data() - begin_; }

  // Places that could not be given back to the system and are not used again.
  uint64_t places_lost() const { return places_lost_.load(std::memory_order_relaxed); }

 private:
  PageFile(int descriptor, char* begin, size_t size);
  size_t find_free(const char* behind, size_t ahead);
  bool is_free(size_t place) const;

  const int descriptor_;
  char* const begin_;
  const size_t size_;
  const size_t page_bytes_;
  std::mutex mutex_;            // guards the three below
  std::vector<uint64_t> free_;  // a bit for each place
  size_t next_ = 0;             // where to look for one that has no neighbour
  size_t used_end_ = 0;         // no place from here on was ever taken
  std::atomic<uint64_t> places_lost_{0};
};

}  // namespace perigee::net
