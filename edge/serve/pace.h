// How fast a client takes what is there for it, or sends what is awaited. Who is not quite still, and moves a
// byte now and then, would hold what it asked for as long as it likes; so in each period so much must move.
//
// Thread rule: one owner. Time is a parameter.
#pragma once

#include <cstdint>

#include "edge/base/clock.h"

namespace perigee::serve {

class Pace {
 public:
  // Less than the slowest of mobile networks (GSM, 9.6 kbit/s) gives to four streams at once, and half of
  // what Apache's mod_reqtimeout asks for.
  static constexpr uint64_t least_bytes_per_second = 256;

  explicit Pace(MonoTime now) : since_(now) {}

  // A period begins; what was before does not count.
  void begin(MonoTime now) {
    since_ = now;
    bytes_ = 0;
  }
  void moved(uint64_t bytes) { bytes_ += bytes; }
  // At the end of a period: whether too little has moved in it, for so many that share it. The next begins.
  bool was_too_slow(MonoTime now, Duration period, uint32_t sharers = 1) {
    if (now < since_ + period) return false;
    const auto milliseconds = std::chrono::duration_cast<std::chrono::milliseconds>(period).count();
    const uint64_t least = static_cast<uint64_t>(milliseconds) * least_bytes_per_second / 1000;
    const bool slow = bytes_ < least * sharers;
    begin(now);
    return slow;
  }

 private:
  MonoTime since_;
  uint64_t bytes_ = 0;
};

}  // namespace perigee::serve
