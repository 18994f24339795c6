// How many requests one worker may have under way toward an origin server, found out by how the server fares:
// one more for every round of answers that came while the limit was in use, a third less when the server says
// that it is overloaded (Chiu and Jain 1989: additive increase, multiplicative decrease).
//
// What overload is says the caller. A limit is lowered at most once for the requests that were under way when
// it happened, since those speak of the limit before. It starts at its most: a server that never complains is
// asked as if there were no such limit.
//
// Latency is not looked at. A gradient of it (Envoy's adaptive concurrency, Netflix's Gradient2) wants
// requests that are alike; what a cache asks an origin for are pages that take 2 ms and pages that take 2 s,
// and which of them are missing changes with what is stored.
//
// Thread rule: one worker's; time is a parameter.
#pragma once

#include <algorithm>
#include <cstdint>

#include "edge/base/clock.h"

namespace perigee::cluster {

class AdaptiveLimit {
 public:
  // 1 <= least <= most.
  AdaptiveLimit(uint32_t least, uint32_t most) : least_(least), most_(most), limit_(most) {}

  uint32_t limit() const { return static_cast<uint32_t>(limit_); }

  // Bounds of a new configuration.
  void set_bounds(uint32_t least, uint32_t most) {
    if (most > most_ && limit() == most_) limit_ = most;
    least_ = least;
    most_ = most;
    limit_ = std::clamp(limit_, static_cast<double>(least_), static_cast<double>(most_));
  }

  // under_way: with the one that was answered.
  void answered(uint32_t under_way) {
    // What is not in use says nothing of whether there could be more.
    if (under_way < limit()) return;
    limit_ = std::min<double>(most_, limit_ + 1 / limit_);
  }

  // sent: when the request was that met the overload. True when this lowered the limit.
  bool overloaded(MonoTime sent, MonoTime now) {
    if (sent < lowered_at_ || limit() == least_) return false;
    lowered_at_ = now;
    limit_ = std::max<double>(least_, limit_ * decrease);
    return true;
  }

 private:
  static constexpr double decrease = 2.0 / 3.0;

  uint32_t least_;
  uint32_t most_;
  double limit_;  // its whole part counts
  MonoTime lowered_at_{};
};

}  // namespace perigee::cluster
