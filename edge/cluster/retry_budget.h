// How many requests may be sent upstream a second time: a share of the requests of the last 10 s, plus a
// small rate for upstreams with little traffic. When much fails at once, retries then add a tenth to the
// load, not a multiple.
//
// One per upstream and worker; figures are per node, divided by the workers. Thread rule: owned by one
// worker. Always true: over any span of time, retries are at most percent of the requests of that span and of
// the 10 s before it, plus per_second (over workers) times the span, plus one second's worth. A retry is
// itself no request: on_request() is called for first tries only. HedgePolicy uses the same budget with other
// figures.
#pragma once

#include <array>
#include <cstdint>

#include "edge/base/clock.h"

namespace perigee::cluster {

struct RetryBudgetOptions {
  uint32_t percent = 10;    // of requests, 0..100
  uint32_t per_second = 3;  // beyond that share, per node; 0 for none
  uint32_t workers = 1;     // of the node
};

class RetryBudget {
 public:
  explicit RetryBudget(RetryBudgetOptions options = {});

  void on_request(MonoTime now);

  // True if the budget has room, and then it is taken: the retry must be sent.
  bool try_retry(MonoTime now);

 private:
  static constexpr size_t window_s = 10;

  struct Second {
    uint64_t requests = 0;
    uint64_t retries = 0;  // paid by the share, not by the rate
  };

  void advance(MonoTime now);

  RetryBudgetOptions options_;
  Duration price_;  // of one retry in saved-up time; 0 if there is no rate
  Duration saved_;
  Duration saved_max_;
  MonoTime advanced_to_{};
  bool started_ = false;
  int64_t second_ = 0;  // the one that seconds_[second_ % window_s] counts
  std::array<Second, window_s> seconds_{};
  Second sum_;
};

}  // namespace perigee::cluster
