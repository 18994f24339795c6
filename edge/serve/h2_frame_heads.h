// Finds the heads of DATA and CONTINUATION frames in what a client sends (RFC 9113 4.1): the library says
// nothing of those that it ignores.
//
// Thread rule: one owner.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <string_view>

namespace perigee::serve {

class H2FrameHeads {
 public:
  // How many of the bytes, which follow those of the call before, end with the head of such a frame; all of
  // them when there is none.
  size_t next(std::string_view bytes) {
    size_t at = 0;
    found_ = false;
    while (at < bytes.size()) {
      const size_t skipped = std::min(skip_, bytes.size() - at);
      skip_ -= skipped;
      at += skipped;
      while (skip_ == 0 && have_ < head_.size() && at < bytes.size()) head_[have_++] = byte(bytes[at++]);
      if (have_ < head_.size()) continue;
      have_ = 0;
      skip_ = size_t{head_[0]} << 16 | size_t{head_[1]} << 8 | head_[2];
      if (head_[3] != data_type && head_[3] != continuation_type) continue;
      found_ = true;
      length_ = skip_;
      stream_ = static_cast<int32_t>((uint32_t{head_[5]} & 0x7f) << 24 | uint32_t{head_[6]} << 16 |
                                     uint32_t{head_[7]} << 8 | head_[8]);
      return at;
    }
    return at;
  }
  // Whether next() stopped behind a head, and not for want of bytes; and what the head says.
  bool found() const { return found_; }
  bool is_data() const { return head_[3] == data_type; }
  int32_t stream() const { return stream_; }
  size_t length() const { return length_; }

 private:
  static constexpr uint8_t data_type = 0;
  static constexpr uint8_t continuation_type = 9;
  static constexpr size_t preface_bytes = 24;
  static uint8_t byte(char c) { return static_cast<uint8_t>(c); }

  size_t skip_ = preface_bytes;
  std::array<uint8_t, 9> head_{};
  size_t have_ = 0;
  int32_t stream_ = 0;
  size_t length_ = 0;
  bool found_ = false;
};

}  // namespace perigee::serve
