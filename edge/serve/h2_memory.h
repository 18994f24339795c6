// Memory for the sessions of nghttp2.
//
// A session has a buffer of 16 KiB in which it makes one frame after another and of which it rarely uses more
// than the first few hundred bytes. From the general heap it gets memory that a handshake has just used and
// given back, all of it resident: 16 KiB for each idle connection. Here a session lies in an arena of its own
// whose pages were never touched: its few lasting parts first, then the buffer, so that what an idle
// connection keeps resident are two pages. Everything else of a session comes from the heap.
//
// Thread rule: the loop's thread.
#pragma once

#include <nghttp2/nghttp2.h>

#include <cstddef>
#include <vector>

namespace perigee::serve {

// Where sessions get their arenas. Must outlive them.
class H2Arenas {
 public:
  H2Arenas() = default;
  ~H2Arenas();
  H2Arenas(const H2Arenas&) = delete;
  H2Arenas& operator=(const H2Arenas&) = delete;

  static constexpr size_t arena_bytes = 24 * 1024;

  // Of arena_bytes; null when the system has no more.
  char* take();
  // Any of `take`. Of more than a few that are free the pages go back to the system.
  void give(char* arena);

 private:
  static constexpr size_t slab_arenas = 64;
  static constexpr size_t warm_max = 64;

  std::vector<char*> slabs_;
  std::vector<char*> warm_;  // free, with pages
  std::vector<char*> cold_;  // free, without
};

// What one session allocates. Must outlive it.
class H2Memory {
 public:
  explicit H2Memory(H2Arenas& arenas);
  ~H2Memory();
  H2Memory(const H2Memory&) = delete;
  H2Memory& operator=(const H2Memory&) = delete;

  // For nghttp2_session_server_new3; valid as long as this is, at this address.
  nghttp2_mem* hooks() { return &hooks_; }

  // As malloc(), free(), realloc().
  void* take(size_t bytes);
  void give(void* memory);
  void* change(void* memory, size_t bytes);

 private:
  bool is_ours(const void* memory) const;

  H2Arenas& arenas_;
  char* const arena_;
  size_t lasting_ = 0;       // bytes of lasting parts given out
  bool frame_used_ = false;  // the frame buffer is
  nghttp2_mem hooks_;
};

}  // namespace perigee::serve
