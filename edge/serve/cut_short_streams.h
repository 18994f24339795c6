// The streams of an HTTP/2 connection that we have reset while the client was still sending: what comes for
// them was under way, and is ignored (RFC 9113 5.1).
//
// Remembers the last ones; all that began before those it has forgotten count as cut short too, so that it
// errs on the client's side.
//
// Thread rule: one owner.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

namespace perigee::serve {

class CutShortStreams {
 public:
  static constexpr size_t remembered = 64;

  void add(int32_t id) {
    if (id <= forgotten_) return;
    ids_.push_back(id);
    if (ids_.size() <= remembered) return;
    const auto lowest = std::min_element(ids_.begin(), ids_.end());
    forgotten_ = std::max(forgotten_, *lowest);
    ids_.erase(lowest);
  }
  bool has(int32_t id) const {
    return id <= forgotten_ || std::find(ids_.begin(), ids_.end(), id) != ids_.end();
  }

 private:
  std::vector<int32_t> ids_;  // few connections have any
  int32_t forgotten_ = 0;
};

}  // namespace perigee::serve
