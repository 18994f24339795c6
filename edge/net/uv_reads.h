// What was read from accepted streams and has not been handed out yet: of at most 16 of them, in the order in
// which it came. The loop hands it out when this is full, at the end of a wake-up, and before an
// accepted stream hears of anything but a read, a new one is accepted, messages run or timers fire.
//
// In between a stream may be closed, which is forgotten here, or stop reading, which then keeps its bytes
// itself.
//
// Thread rule: the loop's thread.
#pragma once

#include "edge/net/read_row.h"

namespace perigee::net {

class UvStream;

class UvReads : public ReadRow<UvStream> {
 public:
  void hand_out();
};

}  // namespace perigee::net
