// What a route asks about the load of other nodes, and the rule of bounded loads: an owner above 1.25 times
// the mean is passed over for the next (Mirrokni, Thorup, Zadimoghaddam 2018, "Consistent Hashing with
// Bounded Loads").
//
// A node's load is the peer requests it works on whose answer has not begun, as it announces them with every
// answer, smoothed over about a second. Answers from the store and transfers under way count for nothing, so
// a node with slow readers is not taken for a busy one.
//
// Thread rule: a SmoothedLoad belongs to one thread; within_bound() is pure.
#pragma once

#include <cstdint>

#include "edge/base/clock.h"
#include "edge/cluster/topology.h"

namespace perigee::cluster {

class PeerLoads {
 public:
  virtual bool above_bound(NodeIndex node) const = 0;
  // To choose between two.
  virtual double load(NodeIndex node) const = 0;

 protected:
  ~PeerLoads() = default;
};

struct LoadBound {
  uint32_t percent = 125;  // of the mean; 0: no bound
  uint32_t floor = 16;     // requests in flight that are never too many
};

constexpr bool within_bound(double load, double mean, const LoadBound& bound) {
  return bound.percent == 0 || load <= bound.floor || load * 100 <= mean * bound.percent;
}

// A moving average of announced figures; without news it falls toward nothing.
class SmoothedLoad {
 public:
  void announce(uint32_t in_flight, MonoTime now) {
    const double weight = heard_ ? share(now) : 1.0;
    value_ += (in_flight - value_) * weight;
    heard_ = true;
    at_ = now;
  }
  double at(MonoTime now) const { return value_ * (1.0 - share(now)); }
  bool heard() const { return heard_; }

 private:
  // How much of the past the time since then has made worthless: half after a second.
  double share(MonoTime now) const {
    const double seconds = std::chrono::duration<double>(now - at_).count();
    return seconds <= 0 ? 0 : seconds / (seconds + 1.0);
  }

  double value_ = 0;
  MonoTime at_{};
  bool heard_ = false;
};

}  // namespace perigee::cluster
