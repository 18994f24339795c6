// One direction of an in-memory connection: bytes on their way and bytes that have arrived, in order, within
// one bound.
//
// Shared by the two streams it joins and by the network events under way; whoever of the two is gone is null.
//
// Thread rule: the world's one thread.
#pragma once

#include <cstddef>
#include <deque>
#include <memory>
#include <string>
#include <string_view>

#include "edge/net/memory_network.h"

namespace perigee::net {

class MemoryStream;

class MemoryPipe : public std::enable_shared_from_this<MemoryPipe> {
 public:
  MemoryPipe(MemoryNetwork& network, std::string from, std::string to, size_t capacity)
      : network_(network), from_(std::move(from)), to_(std::move(to)), capacity_(capacity) {}

  // The sending end.
  size_t space() const { return held_ < capacity_ ? capacity_ - held_ : 0; }
  void send(std::string_view bytes);
  void send_end();
  // Not kept and not repeated: what is under way is thrown away, and the other end hears of a reset unless
  // the link drops it.
  void send_reset();
  // As send_reset(), but after what is under way.
  void send_reset_in_order();

  // The receiving end.
  bool readable() const { return arrived_ > 0 && !segments_.front().end && !segments_.front().reset; }
  bool at_end() const { return arrived_ > 0 && segments_.front().end; }
  bool is_reset() const { return reset_ || (arrived_ > 0 && segments_.front().reset); }
  void set_reset() { reset_ = true; }
  size_t read(char* into, size_t size);
  // Nobody will read any more: what comes is answered with a reset.
  void close_receiver();

  std::weak_ptr<MemoryStream> sender;
  std::weak_ptr<MemoryStream> receiver;
  const std::string& from() const { return from_; }
  const std::string& to() const { return to_; }

 private:
  struct Segment {
    std::string bytes;
    bool end = false;
    bool reset = false;
  };
  void push(Segment segment);
  void arrive();
  void answer_with_reset();

  MemoryNetwork& network_;
  std::string from_, to_;
  size_t capacity_;
  std::deque<Segment> segments_;
  size_t arrived_ = 0;  // so many of the first segments are with the receiver
  size_t offset_ = 0;   // read of the first segment
  size_t held_ = 0;
  MonoTime last_arrival_{};
  bool reset_ = false;
  bool receiver_gone_ = false;
};

}  // namespace perigee::net
