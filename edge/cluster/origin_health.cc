#include "edge/cluster/origin_health.h"

#include <algorithm>

#include "edge/base/jitter.h"

namespace perigee::cluster {
namespace {

constexpr double least_share = 0.1;
constexpr double open_jitter = 0.1;

int64_t second_of(MonoTime now) {
  return std::chrono::duration_cast<std::chrono::seconds>(now.time_since_epoch()).count();
}

}  // namespace

std::string_view to_string(OriginState state) {
  switch (state) {
    case OriginState::up:
      return "up";
    case OriginState::recovering:
      return "recovering";
    case OriginState::open:
      return "open";
    case OriginState::trial:
      return "trial";
    case OriginState::down:
      return "down";
  }
  return "up";
}

OriginHealth::Probed OriginHealth::probed(bool good, MonoTime now) {
  failed_probes_ = good ? 0 : failed_probes_ + 1;
  good_probes_ = good ? good_probes_ + 1 : 0;
  if (down_ && good_probes_ >= options_.good_probes) {
    down_ = false;
    back_since_ = now;
    return Probed::back;
  }
  if (down_ || failed_probes_ < options_.failed_probes) return Probed::unchanged;
  down_ = true;
  return Probed::down;
}

void OriginHealth::forget_probes() {
  down_ = false;
  failed_probes_ = good_probes_ = 0;
}

bool OriginHealth::usable(MonoTime now) const {
  if (down_) return false;
  return !open_until_ || (now >= *open_until_ && !trial_under_way_);
}

double OriginHealth::share(MonoTime now) const {
  if (!back_since_ || now - *back_since_ >= options_.slow_start) return 1;
  const auto part = static_cast<double>((now - *back_since_).count());
  return std::max(least_share, part / static_cast<double>(options_.slow_start.count()));
}

bool OriginHealth::keeps_turn(MonoTime now) {
  turns_ += share(now);
  if (turns_ < 1) return false;
  turns_ = std::min(turns_ - 1, 1.0);
  return true;
}

OriginHealth::Admission OriginHealth::admit(MonoTime now) {
  if (!open_until_) return {true, false, era_};
  if (now < *open_until_ || trial_under_way_) return {};
  trial_under_way_ = true;
  return {true, true, era_};
}

bool OriginHealth::ended(const Admission& admission, bool good, MonoTime now) {
  if (!admission.granted || admission.era != era_) return false;
  if (admission.trial) {
    trial_under_way_ = false;
    good_trials_ = good ? good_trials_ + 1 : 0;
    if (!good) open(now);
    if (good_trials_ >= good_trials) close(now);
    return !good;
  }
  Second& second = seconds_[static_cast<size_t>(second_of(now)) % window_s];
  if (second.at != second_of(now)) second = {second_of(now), {}};
  ++second.ended.requests;
  if (good) return false;
  ++second.ended.failed;
  if (!too_many_failed(now)) return false;
  open(now);
  return true;
}

void OriginHealth::withdrawn(const Admission& admission) {
  if (admission.trial && admission.era == era_) trial_under_way_ = false;
}

bool OriginHealth::too_many_failed(MonoTime now) const {
  if (options_.breaker_percent == 0) return false;
  const Ended all = recent(now);
  return all.requests >= options_.breaker_requests &&
         uint64_t{all.failed} * 100 >= uint64_t{all.requests} * options_.breaker_percent;
}

OriginHealth::Ended OriginHealth::recent(MonoTime now) const {
  Ended sum;
  for (const Second& each : seconds_) {
    if (each.at < 0 || each.at + static_cast<int64_t>(window_s) <= second_of(now)) continue;
    sum.requests += each.ended.requests;
    sum.failed += each.ended.failed;
  }
  return sum;
}

void OriginHealth::open(MonoTime now) {
  open_until_ = now + jittered(options_.breaker_open, open_jitter, random_);
  good_trials_ = 0;
  trial_under_way_ = false;
  ++era_;
}

void OriginHealth::close(MonoTime now) {
  open_until_.reset();
  good_trials_ = 0;
  ++era_;
  seconds_ = {};
  back_since_ = now;
}

OriginState OriginHealth::state(MonoTime now) const {
  if (down_) return OriginState::down;
  if (open_until_) return now < *open_until_ ? OriginState::open : OriginState::trial;
  return share(now) < 1 ? OriginState::recovering : OriginState::up;
}

}  // namespace perigee::cluster
