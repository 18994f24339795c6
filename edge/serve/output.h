// Bytes on their way to a client: first gathered without copying, then, only if the kernel did not take them,
// kept.
//
// OutputBatch is shared by all connections of a loop and empty between their turns. It holds slices; what
// nobody else keeps (field lines of this answer, chunk framing) and short answers as a whole go into its
// scratch memory, where what is added in a row is one slice: to copy a KiB takes less time than to have the
// kernel walk a list of slices, and a copy needs no hold. What is one short text can be set aside: it stays
// in the scratch memory, behind which the next connection's begins, and is written when the loop has handed
// out what was read (net::Loop::handing_out_reads()). OutputQueue belongs to one connection and holds what a
// short write left over: views with their holds acquired, and copies of scratch text. Body bytes of a
// BodySource never get there; they stay with their source until consumed.
//
// Thread rule: the loop's thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>
#include <utility>
#include <vector>

#include "edge/base/bytes.h"
#include "edge/net/stream.h"
#include "edge/serve/handler.h"

namespace perigee::serve {

class OutputQueue {
 public:
  OutputQueue() = default;
  OutputQueue(OutputQueue&& other) noexcept
      : segments_(std::move(other.segments_)), first_(std::exchange(other.first_, 0)) {
    other.segments_.clear();
  }
  ~OutputQueue() { clear(); }
  OutputQueue(const OutputQueue&) = delete;
  OutputQueue& operator=(const OutputQueue&) = delete;

  bool empty() const { return first_ == segments_.size(); }
  void add_copy(std::string_view bytes);
  // The hold is already acquired; it is released when the bytes are gone. An empty Hold releases nothing.
  void add_view(Slice bytes, const Hold& acquired);
  // Writes until empty or until the stream takes no more; returns the bytes taken.
  size_t write_to(net::Stream& stream);
  // Releases everything unsent, and the memory.
  void clear();

 private:
  struct Segment {
    Slice bytes;
    Hold hold;
    std::unique_ptr<char[]> owned;
  };
  void drop_front();
  void take(size_t bytes);

  std::vector<Segment> segments_;
  size_t first_ = 0;
};

class OutputBatch {
 public:
  OutputBatch();

  bool empty() const { return slices_.empty(); }
  uint32_t replies() const { return replies_; }

  // Bytes under a hold that covers them until acquired or written. The pieces of one reply name the same
  // hold.
  uint32_t add_hold(const Hold& hold);
  void add_held(Slice bytes, uint32_t hold);
  // Scratch memory for at most size bytes; add_text() must follow with what was written there.
  char* claim(size_t size);
  void add_text(const char* claimed, size_t size);
  void copy_text(std::string_view bytes);
  // Is an answer, or a part of one, of that size better copied? And is there room?
  bool prefers_copy(size_t size) const { return size <= copy_max && scratch_used_ + size <= copy_room; }
  // Bytes of a BodySource.
  void add_body(Slice bytes);
  void count_reply() { ++replies_; }

  struct Written {
    size_t bytes = 0;
    size_t body_bytes = 0;  // of them, given by add_body()
    bool all = false;
  };
  // One write of everything. What was not taken moves to the queue, up to the first byte of a body source
  // that was not taken: that byte and all behind it are dropped here, because the source still has them.
  Written write_to(net::Stream& stream, OutputQueue& queue);
  // Moves everything to the queue unwritten. Must hold no body bytes.
  void move_to(OutputQueue& queue) { spill(queue, 0); }
  // Forgets everything, and releases what was given and not moved on.
  void drop();

  // Whether all there is lies in the scratch memory in a row, and is short.
  bool is_short_text() const {
    return slices_.size() == 1 && open_ && holds_.empty() && slices_.front().size() <= copy_max;
  }
  // Forgets it, but leaves it where it is until drop_set_aside(). Needs is_short_text().
  Slice set_aside();
  void drop_set_aside() { set_aside_ = scratch_used_ = 0; }

 private:
  static constexpr uint32_t scratch_piece = ~uint32_t{0};
  static constexpr uint32_t body_piece = ~uint32_t{0} - 1;
  static constexpr size_t scratch_bytes = 64 * 1024;
  // The rest is for texts, so that a long batch of answers that are not copied allocates nothing.
  static constexpr size_t copy_room = 48 * 1024;
  static constexpr size_t copy_max = 4096;

  size_t spill(OutputQueue& queue, size_t written);
  void keep(OutputQueue& queue, size_t piece, Slice rest, uint32_t& acquired);

  std::vector<Slice> slices_;
  std::vector<uint32_t> owners_;  // per slice: an index into holds_, scratch_piece or body_piece
  std::vector<Hold> holds_;
  std::unique_ptr<char[]> scratch_;
  size_t scratch_used_ = 0;
  size_t set_aside_ = 0;                           // of the scratch memory
  bool open_ = false;                              // the last slice ends where the scratch memory goes on
  std::vector<std::unique_ptr<char[]>> overflow_;  // texts the scratch had no room for
  size_t body_bytes_ = 0;
  uint32_t replies_ = 0;
};

}  // namespace perigee::serve
