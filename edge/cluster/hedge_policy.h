// When to ask the next owner while the first has not answered: after twice the p95 of that peer's latency,
// within 2 % of the requests.
//
// A LatencyHistogram holds how long one peer takes to its first sign of life (an interim 102 or a response
// head), newer samples counting more. A HedgePolicy is one histogram and one budget: one per peer and worker.
// Thread rule: owned by one worker. It says when and whether, and sends nothing. That a hedge is a GET or
// HEAD with only-if-cached, that its 504 is no answer and that a 102 stops the timer are the caller's part.
#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "edge/base/clock.h"
#include "edge/cluster/retry_budget.h"

namespace perigee::cluster {

// Counts by logarithm: eight buckets to each doubling, from 64 us to 137 s, so a quantile is at most 1/8 too
// high. Counts are halved at 1,024 samples; a sample older than 2,000 others is thus hardly felt. Fixed size,
// no allocation.
class LatencyHistogram {
 public:
  void record(Duration latency);

  // The upper bound of the bucket that holds the quantile; nullopt without samples. Quantile: per
  // mille, 1..1000.
  std::optional<Duration> quantile(uint32_t per_mille) const;
  uint32_t samples() const { return samples_; }

 private:
  static constexpr unsigned steps_bits = 3;
  static constexpr unsigned octaves = 21;
  static constexpr uint32_t samples_max = 1024;

  static size_t bucket_of(Duration latency);
  static Duration upper_bound(size_t bucket);
  void halve();

  std::array<uint16_t, octaves << steps_bits> counts_{};
  uint32_t samples_ = 0;
};

struct HedgeOptions {
  Duration delay_min = std::chrono::milliseconds(2);
  uint32_t p95_factor = 2;
  uint32_t samples_min = 20;  // fewer say nothing: no hedge
  uint32_t percent = 2;       // of requests in 10 s
};

class HedgePolicy {
 public:
  explicit HedgePolicy(HedgeOptions options = {});

  // A request goes to the peer. The answer is how long to wait before try_hedge(); nullopt: too little is
  // known.
  std::optional<Duration> on_request(MonoTime now);
  // The peer's first sign of life came after that time. Of a request that died without one, record how long
  // it took to die.
  void on_first_byte(Duration latency);
  // True if the budget has room, and then it is taken.
  bool try_hedge(MonoTime now) { return budget_.try_retry(now); }

  std::optional<Duration> p95() const { return p95_; }

 private:
  HedgeOptions options_;
  LatencyHistogram latencies_;
  RetryBudget budget_;
  std::optional<Duration> p95_;
};

}  // namespace perigee::cluster
