// Memory for the sessions of nghttp2.
//
// A session has a buffer of 16 KiB in which it makes one frame after another and of which it rarely uses more
// than the first few hundred bytes. From the general heap it gets memory that a handshake has just used and
// given back, all of it resident: 16 KiB for each idle connection. Here a connection has an arena whose pages
// were never touched, and of which an idle one keeps two resident. They begin with the end of a table of
// HPACK, which is filled from its end, a place for each field that was ever put into it: the rest of it lies
// in a page before. Then come the connection's own object, the few lasting parts of its session, and the
// beginning of the buffer. Everything else of a session comes from FreeLists.
//
// Thread rule: the loop's thread.
#pragma once

#include <nghttp2/nghttp2.h>

#include <cstddef>
#include <vector>

#include "edge/serve/free_lists.h"

namespace perigee::serve {

// Where connections get their arenas. Must outlive them.
class H2Arenas {
 public:
  H2Arenas() = default;
  ~H2Arenas();
  H2Arenas(const H2Arenas&) = delete;
  H2Arenas& operator=(const H2Arenas&) = delete;

  static constexpr size_t arena_bytes = 28 * 1024;
  // Where the connection's object lies: behind a page, and what of a table 24 fields have filled.
  static constexpr size_t object_at = 4096 + 24 * sizeof(void*);

  // Of arena_bytes. Throws std::bad_alloc when the system has no more.
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
  // In an arena that has an object of so many bytes.
  H2Memory(char* arena, size_t object_bytes, FreeLists& lists);
  H2Memory(const H2Memory&) = delete;
  H2Memory& operator=(const H2Memory&) = delete;

  // For nghttp2_session_server_new3; valid as long as this is, at this address.
  nghttp2_mem* hooks() { return &hooks_; }

  // As malloc(), free(), realloc().
  void* take(size_t bytes);
  void give(void* memory);
  void* change(void* memory, size_t bytes);

 private:
  bool is_in_arena(const void* memory) const {
    const auto* at = static_cast<const char*>(memory);
    return at >= arena_ && at < arena_ + H2Arenas::arena_bytes;
  }

  char* const arena_;
  FreeLists& lists_;
  size_t lasting_;           // where the next lasting part goes
  const size_t frame_;       // where they end and the frame buffer begins
  bool frame_used_ = false;  // the frame buffer is
  bool table_used_ = false;
  nghttp2_mem hooks_;
};

}  // namespace perigee::serve
