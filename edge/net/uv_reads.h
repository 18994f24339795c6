// What was read from accepted streams and has not been handed out yet: of at most 16 of them, in the order in
// which it came. The loop hands it out when this is full, at the end of a wake-up, and before an
// accepted stream hears of anything but a read, a new one is accepted, messages run or timers fire.
//
// In between a stream may be closed, which is forgotten here, or stop reading, which then keeps its bytes
// itself.
//
// Thread rule: the loop's thread.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

namespace perigee::net {

class UvStream;

class UvReads {
 public:
  // The most that is read at once.
  static constexpr size_t read_bytes_max = 64 * 1024;

  UvReads();

  bool empty() const { return count_ == 0; }
  // read_bytes_max of memory for the next read.
  char* room() { return buffer_.get() + used_; }
  // So many bytes were read there from a stream that has none here. True: there is room for no other.
  bool add(UvStream& stream, size_t bytes);
  void hand_out();
  void forget(const UvStream& stream);

 private:
  static constexpr size_t streams_max = 16;
  // A read that goes over it is the last.
  static constexpr size_t waiting_bytes_max = 16 * 1024;

  struct Read {
    UvStream* stream;
    std::string_view bytes;
  };

  std::unique_ptr<char[]> buffer_;
  size_t used_ = 0;
  std::array<Read, streams_max> reads_;
  size_t count_ = 0;
};

}  // namespace perigee::net
