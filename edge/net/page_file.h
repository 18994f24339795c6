// BlockMemory that the kernel can send from without copying: pages of a file that has no name and lives in
// memory (memfd_create(2)), all of it mapped.
//
// A block that is given back becomes a hole (fallocate(2), FALLOC_FL_PUNCH_HOLE) before its place is taken
// again: its pages leave the file, and whoever takes the place gets new ones. A socket that was given the old
// pages (PagePipe) keeps them until the client has them, whatever becomes of the block. That holds for small
// pages only, for a part of a huge one that somebody holds would be zeroed where it is; so the mapping has
// none (MADV_NOHUGEPAGE).
//
// To punch a hole costs some microseconds, and a response may be of a hundred thousand blocks. So places wait
// for it: each take() punches a few, and release(), called by a thread that nobody waits for, the rest.
//
// The file is as large as blocks of a quarter of block_bytes_max could need; a place that was never written
// takes no memory, only addresses. Places lie in a row where they can, so that a body is one run of the file.
//
// Thread rule: any thread. No lock is held during a system call.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <vector>

#include "edge/base/block_memory.h"
#include "edge/base/bytes.h"

namespace perigee::net {

class PageFile final : public BlockMemory {
 public:
  // For so many bytes of blocks. Null where the system has no such files, refuses what is done with them
  // here, or has no addresses left.
  static std::unique_ptr<PageFile> create(uint64_t bytes);
  ~PageFile() override;

  size_t allocated_bytes(size_t bytes) const override;
  char* take(size_t bytes, const char* behind, size_t ahead) override;
  void give_back(char* block) override;
  bool release() override;
  Stats stats() const override;

  // Are these bytes of a block?
  bool holds(Slice bytes) const {
    return bytes.data() >= begin_ && bytes.data() + bytes.size() <= begin_ + size_;
  }

 private:
  struct Run {
    size_t first = 0;
    size_t count = 0;
  };

  PageFile(int descriptor, char* begin, size_t size);
  bool works();
  size_t places() const { return free_.size() * 64; }
  size_t find_free(const char* behind, size_t ahead);
  bool is_free(size_t place) const;
  Run next_waiting();

  const int descriptor_;
  char* const begin_;
  const size_t size_;
  const size_t page_bytes_;
  mutable std::mutex mutex_;    // guards what follows
  std::vector<uint64_t> free_;  // a bit for each place
  std::deque<size_t> waiting_;  // places that are still to become holes
  size_t taken_ = 0;            // places that are not free
  size_t lost_ = 0;             // of these, places that could not become holes
  uint64_t refused_ = 0;
  size_t next_ = 0;      // where to look for one that has no neighbour
  size_t used_end_ = 0;  // no place from here on was ever taken
};

}  // namespace perigee::net
