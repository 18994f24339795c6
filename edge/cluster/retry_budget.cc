#include "edge/cluster/retry_budget.h"

#include <algorithm>

namespace perigee::cluster {
namespace {

constexpr Duration one_second = std::chrono::seconds(1);

int64_t second_of(MonoTime at) {
  return std::chrono::floor<std::chrono::seconds>(at.time_since_epoch()).count();
}

Duration price_of(const RetryBudgetOptions& options) {
  return options.per_second == 0 ? Duration(0) : one_second * options.workers / options.per_second;
}

}  // namespace

RetryBudget::RetryBudget(RetryBudgetOptions options)
    : options_(options), price_(price_of(options)), saved_(0), saved_max_(std::max(price_, one_second)) {}

void RetryBudget::advance(MonoTime now) {
  if (!started_) {
    started_ = true;
    advanced_to_ = now;
    second_ = second_of(now);
    saved_ = saved_max_;
  }
  if (now <= advanced_to_) return;
  saved_ = std::min(saved_max_, saved_ + (now - advanced_to_));
  advanced_to_ = now;
  const int64_t to = second_of(now);
  const int64_t steps = std::min<int64_t>(to - second_, window_s);
  for (int64_t i = 1; i <= steps; ++i) {
    Second& oldest = seconds_[static_cast<size_t>(to - steps + i) % window_s];
    sum_.requests -= oldest.requests;
    sum_.retries -= oldest.retries;
    oldest = {};
  }
  second_ = to;
}

void RetryBudget::on_request(MonoTime now) {
  advance(now);
  ++seconds_[static_cast<size_t>(second_) % window_s].requests;
  ++sum_.requests;
}

bool RetryBudget::try_retry(MonoTime now) {
  advance(now);
  if ((sum_.retries + 1) * 100 <= sum_.requests * options_.percent) {
    ++seconds_[static_cast<size_t>(second_) % window_s].retries;
    ++sum_.retries;
    return true;
  }
  if (options_.per_second == 0 || saved_ < price_) return false;
  saved_ -= price_;
  return true;
}

}  // namespace perigee::cluster
