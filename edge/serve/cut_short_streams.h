// The streams of an HTTP/2 connection that we have reset while the client was still sending: what comes for
// them was under way, and is ignored (RFC 9113 5.1). It is not free for ever: a client that obeys can have
// sent so much as the stream's window had room for when it was cut, and no more.
//
// Remembers the last ones; all that began before those it has forgotten count as cut short too, so that it
// errs on the client's side, but with no allowance left.
//
// Thread rule: one owner.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

namespace perigee::serve {

class CutShortStreams {
 public:
  // As many as may be under way at once by default.
  static constexpr size_t remembered = 128;
  // What a frame costs beside its content. A client that sends full frames pays one part in 64 for it; one
  // that sends a message of a hundred bytes in each may still have 184 of them under way.
  static constexpr uint32_t frame_cost = 256;

  // allowance: bytes of DATA that may still come.
  void add(int32_t id, uint32_t allowance) {
    if (id <= forgotten_ || remembers(id)) return;
    streams_.push_back({id, allowance});
    if (streams_.size() <= remembered) return;
    const auto lowest = std::min_element(streams_.begin(), streams_.end(),
                                         [](const Cut& a, const Cut& b) { return a.id < b.id; });
    forgotten_ = std::max(forgotten_, lowest->id);
    streams_.erase(lowest);
  }
  bool has(int32_t id) const { return id <= forgotten_ || remembers(id); }
  bool remembers(int32_t id) const {
    return std::any_of(streams_.begin(), streams_.end(), [id](const Cut& cut) { return cut.id == id; });
  }
  // A frame of DATA has come. False: it is more than could have been under way.
  bool spend(int32_t id, uint32_t bytes) {
    for (Cut& cut : streams_) {
      if (cut.id != id) continue;
      const bool enough = cut.allowance > 0;
      cut.allowance -= std::min(cut.allowance, bytes + frame_cost);
      return enough;
    }
    return false;
  }

 private:
  struct Cut {
    int32_t id;
    uint32_t allowance;
  };
  std::vector<Cut> streams_;  // few connections have any
  int32_t forgotten_ = 0;
};

}  // namespace perigee::serve
