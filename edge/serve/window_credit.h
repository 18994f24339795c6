// How many WINDOW_UPDATE frames of an HTTP/2 client follow from what happens on its connection. A client
// gives back what it has read, so its updates are about as many as the DATA frames it got; others are noise.
//
// What clients do: Chromium and nghttp2's (curl, h2load, Node.js) wait until half a window is read; Go's
// waits for 4 KiB; simple ones answer every DATA frame with two, for the stream and the connection.
// Chromium opens the connection's window once at the start, Firefox also that of each stream behind its
// request, and curl when a paused transfer goes on. Updates that cross the end of their stream are usual.
//
// Thread rule: one owner.
#pragma once

#include <algorithm>
#include <cstdint>

namespace perigee::serve {

class WindowCredit {
 public:
  void on_request() { earn(2); }
  void on_data_sent() { earn(2); }
  // False: it answers nothing.
  bool spend() {
    if (left_ == 0) return false;
    --left_;
    return true;
  }

 private:
  static constexpr uint32_t at_first = 10;
  // Two for each frame of 16 KiB in the 32 MiB that the widest of clients leave open; what is not claimed by
  // then will not be.
  static constexpr uint32_t most = 4096;
  void earn(uint32_t count) { left_ = std::min(left_ + count, most); }

  uint32_t left_ = at_first;
};

}  // namespace perigee::serve
