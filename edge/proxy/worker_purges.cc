#include "edge/proxy/worker_purges.h"

namespace perigee::proxy {

void WorkerPurges::apply(const cache::PurgeRule& rule) { table_.apply(rule); }

void WorkerPurges::rebase(cluster::LogPosition position) {
  table_.rebase();
  base_ = position;
  base_stamp_ = table_.position();
}

void WorkerPurges::verified_until(std::optional<MonoTime> until, MonoTime now) {
  silence_timer_.cancel();
  believed_until_ = until.value_or(MonoTime::max());
  table_.set_verified(!until || *until > now);
  if (until && *until > now) timers_.arm(silence_timer_, *until);
}

void WorkerPurges::unverified() {
  silence_timer_.cancel();
  table_.set_verified(false);
}

void WorkerPurges::on_timer(net::Timer&) { table_.set_verified(false); }

std::optional<cluster::LogPosition> WorkerPurges::place_of(cache::PurgeStamp stamp) const {
  if (!base_ || cache::is_older(stamp, base_stamp_)) return std::nullopt;
  return cluster::LogPosition{base_->epoch, base_->sequence + static_cast<uint32_t>(stamp - base_stamp_)};
}

std::optional<cache::PurgeStamp> WorkerPurges::stamp_of(cluster::LogPosition place) const {
  const auto here = position();
  if (!here || place.epoch != here->epoch || place.sequence < base_->sequence) return std::nullopt;
  if (place.sequence >= here->sequence) return table_.position();
  return base_stamp_ + static_cast<uint32_t>(place.sequence - base_->sequence);
}

}  // namespace perigee::proxy
