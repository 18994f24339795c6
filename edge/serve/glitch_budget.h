// How much a client may do that is legal, costs us and serves nothing: resets, pings, settings, empty frames,
// tiny windows. Each such thing takes one from a budget that refills slowly. Who has spent it is cut off; a
// browser never comes near.
//
// Thread rule: one owner. Time is a parameter.
#pragma once

#include <algorithm>
#include <cstdint>

#include "edge/base/clock.h"

namespace perigee::serve {

class GlitchBudget {
 public:
  // max: how many at once; refilled within refill_time.
  explicit GlitchBudget(uint32_t max) : left_(max), max_(max) {}
  static constexpr Duration refill_time = std::chrono::seconds(20);

  // False: the budget is spent.
  bool spend(uint32_t count, MonoTime now) {
    refill(now);
    if (left_ < count) {
      left_ = 0;
      return false;
    }
    left_ -= count;
    return true;
  }
  uint32_t left() const { return left_; }

 private:
  void refill(MonoTime now) {
    const Duration each = refill_time / std::max(max_, 1u);
    const auto earned = static_cast<uint64_t>((now - since_) / each);
    if (earned == 0) return;
    left_ = static_cast<uint32_t>(std::min<uint64_t>(max_, left_ + earned));
    since_ = left_ == max_ ? now : since_ + each * static_cast<int64_t>(earned);
  }

  uint32_t left_;
  uint32_t max_;
  MonoTime since_{};
};

}  // namespace perigee::serve
