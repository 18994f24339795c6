// What was read for several and waits to be handed out: of at most 16, in the order in which it came. In
// between one of them may leave.
//
// Thread rule: the loop's thread.
#pragma once

#include <array>
#include <cstddef>
#include <memory>
#include <string_view>
#include <utility>

#include "edge/base/prefetch.h"

namespace perigee::net {

template <typename Member>
class ReadRow {
 public:
  // The most that is read at once.
  static constexpr size_t read_bytes_max = 64 * 1024;

  ReadRow() : buffer_(std::make_unique_for_overwrite<char[]>(waiting_bytes_max + read_bytes_max)) {}

  bool empty() const { return count_ == 0; }
  // read_bytes_max of memory for the next read.
  char* room() { return buffer_.get() + used_; }
  // Whether there would be room for another read behind so many bytes.
  bool has_room_behind(size_t bytes) const {
    return count_ < members_max && used_ + bytes <= waiting_bytes_max;
  }
  // So many bytes were read into room() for a member that has none here. Without room behind them, this was
  // the last.
  void add(Member& member, size_t bytes) {
    turns_[count_++] = {&member, {room(), bytes}};
    used_ += (bytes + cache_line_bytes - 1) / cache_line_bytes * cache_line_bytes;
  }
  // What the member has here; it has no turn any more.
  std::string_view take(const Member& member) {
    for (size_t i = 0; i < count_; ++i) {
      if (turns_[i].member == &member) return std::exchange(turns_[i], {}).bytes;
    }
    return {};
  }
  // Calls each(member, bytes, the next member or null) for all in turn, and is empty then.
  template <typename Each>
  void hand_out(Each&& each) {
    for (size_t i = 0; i < count_; ++i) {
      const Turn turn = std::exchange(turns_[i], {});
      if (turn.member != nullptr)
        each(*turn.member, turn.bytes, i + 1 < count_ ? turns_[i + 1].member : nullptr);
    }
    count_ = 0;
    used_ = 0;
  }

 private:
  static constexpr size_t members_max = 16;
  static constexpr size_t waiting_bytes_max = 16 * 1024;

  struct Turn {
    Member* member = nullptr;
    std::string_view bytes;
  };

  std::unique_ptr<char[]> buffer_;
  size_t used_ = 0;  // whole lines
  std::array<Turn, members_max> turns_;
  size_t count_ = 0;
};

}  // namespace perigee::net
