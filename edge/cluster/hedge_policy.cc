#include "edge/cluster/hedge_policy.h"

#include <algorithm>
#include <bit>

namespace perigee::cluster {
namespace {

// The unit of the first octave: 2^16 ns, about 65.5 us.
constexpr unsigned unit_bits = 16;

}  // namespace

// Below one unit everything is in the first bucket; above, the octave is the position of the highest bit and
// the step the three bits after it.
size_t LatencyHistogram::bucket_of(Duration latency) {
  const auto ns = static_cast<uint64_t>(std::max<Duration::rep>(latency.count(), 0));
  if (ns < (uint64_t{1} << unit_bits)) return 0;
  const unsigned highest = static_cast<unsigned>(std::bit_width(ns)) - 1;
  const size_t step = (ns >> (highest - steps_bits)) & ((1u << steps_bits) - 1);
  const size_t bucket = ((highest - unit_bits) << steps_bits) + step;
  return std::min(bucket, (size_t{octaves} << steps_bits) - 1);
}

Duration LatencyHistogram::upper_bound(size_t bucket) {
  const unsigned highest = unit_bits + static_cast<unsigned>(bucket >> steps_bits);
  const uint64_t step = bucket & ((1u << steps_bits) - 1);
  return Duration(static_cast<Duration::rep>(((1u << steps_bits) + step + 1) << (highest - steps_bits)));
}

void LatencyHistogram::record(Duration latency) {
  if (samples_ == samples_max) halve();
  ++counts_[bucket_of(latency)];
  ++samples_;
}

void LatencyHistogram::halve() {
  samples_ = 0;
  for (uint16_t& count : counts_) {
    count = static_cast<uint16_t>(count / 2);
    samples_ += count;
  }
}

std::optional<Duration> LatencyHistogram::quantile(uint32_t per_mille) const {
  if (samples_ == 0) return std::nullopt;
  const uint32_t rank = std::max<uint32_t>(1, (samples_ * per_mille + 999) / 1000);
  uint32_t below = 0;
  for (size_t bucket = 0; bucket < counts_.size(); ++bucket) {
    below += counts_[bucket];
    if (below >= rank) return upper_bound(bucket);
  }
  return upper_bound(counts_.size() - 1);
}

HedgePolicy::HedgePolicy(HedgeOptions options)
    : options_(options), budget_(RetryBudgetOptions{options.percent, 0, 1}) {}

std::optional<Duration> HedgePolicy::on_request(MonoTime now) {
  budget_.on_request(now);
  if (!p95_) return std::nullopt;
  return std::max(options_.delay_min, *p95_ * options_.p95_factor);
}

void HedgePolicy::on_first_byte(Duration latency) {
  latencies_.record(latency);
  // A walk over the buckets every eighth sample; between them the quantile hardly moves.
  const uint32_t samples = latencies_.samples();
  if (samples >= options_.samples_min && (samples % 8 == 0 || !p95_)) p95_ = latencies_.quantile(950);
}

}  // namespace perigee::cluster
