#include "bench/trace/generate.h"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <utility>
#include <vector>

#include "edge/base/hash.h"
#include "edge/base/random.h"

namespace perigee::trace {

namespace {

constexpr double tau = 6.283185307179586;

// Ranks from 0 on, by inversion of the cumulative weights.
class Zipf {
 public:
  Zipf(uint64_t count, double skew) {
    cumulative_.reserve(count);
    double sum = 0;
    for (uint64_t rank = 1; rank <= count; ++rank) {
      cumulative_.push_back(sum += std::pow(static_cast<double>(rank), -skew));
    }
  }
  uint64_t next(Random& random) const {
    const double at = random.unit() * cumulative_.back();
    const auto found = std::upper_bound(cumulative_.begin(), cumulative_.end(), at);
    return std::min<uint64_t>(static_cast<uint64_t>(found - cumulative_.begin()), cumulative_.size() - 1);
  }

 private:
  std::vector<double> cumulative_;
};

// Of an id, log-normal: the mean of such a distribution is its median times e^(sigma^2 / 2).
uint64_t size_of(const Parameters& parameters, uint64_t id) {
  if (parameters.size_mean <= parameters.size_median) return static_cast<uint64_t>(parameters.size_median);
  const double sigma = std::sqrt(2 * std::log(parameters.size_mean / parameters.size_median));
  Random random(hash64(parameters.seed, id));
  const double u = 1 - random.unit();  // never zero
  const double normal = std::sqrt(-2 * std::log(u)) * std::cos(tau * random.unit());
  return std::max<uint64_t>(1, static_cast<uint64_t>(parameters.size_median * std::exp(sigma * normal)));
}

class Generator {
 public:
  explicit Generator(const Parameters& parameters)
      : parameters_(parameters),
        zipf_(parameters.ids, parameters.skew),
        random_(parameters.seed),
        waiting_(std::max<uint64_t>(parameters.twice_lag, 1), nobody) {}

  Trace run() {
    if (parameters_.mix == Mix::recency) born_ = parameters_.ids / 2;
    while (trace_.requests.size() < parameters_.requests) step();
    return std::move(trace_);
  }

 private:
  void step() {
    switch (parameters_.mix) {
      case Mix::zipf:
        return ask(zipf_.next(random_));
      case Mix::scan:
        if (trace_.requests.size() >= next_scan_) return scan();
        return ask(zipf_.next(random_));
      case Mix::recency:
        return ask(recent());
      case Mix::one_hit:
        return ask(random_.chance(parameters_.one_hit_share)
                       ? parameters_.ids + parameters_.one_hit_first + once_++
                       : zipf_.next(random_));
      case Mix::twice:
        return ask(random_.chance(0.5) ? twice() : zipf_.next(random_));
    }
  }
  // The k-th youngest is asked for as often as Zipf's k-th.
  uint64_t recent() {
    if (random_.chance(parameters_.birth_share)) return born_++;
    const uint64_t age = zipf_.next(random_);
    return age < born_ ? born_ - 1 - age : 0;
  }
  uint64_t twice() {
    uint64_t& waiting = waiting_[at_++ % waiting_.size()];
    if (waiting != nobody) return std::exchange(waiting, nobody);
    return waiting = parameters_.ids + once_++;
  }
  void scan() {
    for (uint64_t i = 0; i < parameters_.scan_ids; ++i) ask(parameters_.ids + i);
    next_scan_ = trace_.requests.size() + parameters_.scan_every;
  }
  void ask(uint64_t id) {
    if (trace_.requests.size() >= parameters_.requests) return;
    const double time = static_cast<double>(trace_.requests.size()) / parameters_.rate;
    trace_.requests.push_back(
        {static_cast<int64_t>(time * 1e6), static_cast<uint32_t>(id), size_of(parameters_, id)});
  }

  static constexpr uint64_t nobody = ~uint64_t{0};

  const Parameters& parameters_;
  const Zipf zipf_;
  Random random_;
  Trace trace_;
  uint64_t next_scan_ = parameters_.scan_every;
  uint64_t born_ = 0;
  uint64_t once_ = 0;
  std::vector<uint64_t> waiting_;  // twice: the id that is asked for again when its turn comes
  size_t at_ = 0;
};

}  // namespace

std::optional<Mix> parse_mix(std::string_view name) {
  const auto* found = std::find(std::begin(mix_names), std::end(mix_names), name);
  if (found == std::end(mix_names)) return std::nullopt;
  return static_cast<Mix>(found - std::begin(mix_names));
}

Trace generate(const Parameters& parameters) { return Generator(parameters).run(); }

}  // namespace perigee::trace
