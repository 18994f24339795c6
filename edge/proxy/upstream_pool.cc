#include "edge/proxy/upstream_pool.h"

#include <algorithm>

#include "edge/proxy/upstream_connection.h"

namespace perigee::proxy {

UpstreamLimit::Grant UpstreamLimit::acquire(SlotWaiter& waiter) {
  if (in_use_ < max_) {
    ++in_use_;
    return Grant::granted;
  }
  if (waiters_.size() >= waiters_max) return Grant::refused;
  waiters_.push_back(&waiter);
  return Grant::queued;
}

void UpstreamLimit::release() {
  if (waiters_.empty() || in_use_ > max_) {
    --in_use_;
    return;
  }
  SlotWaiter* next = waiters_.front();
  waiters_.pop_front();
  next->on_slot();
  // Where the limit has grown there is room for one more.
  if (in_use_ >= max_ || waiters_.empty()) return;
  ++in_use_;
  next = waiters_.front();
  waiters_.pop_front();
  next->on_slot();
}

void UpstreamLimit::adapt(uint32_t least) {
  adapts_ = true;
  adaptive_.set_bounds(std::min(least, most_), most_);
  max_ = adaptive_.limit();
}

void UpstreamLimit::answered() {
  if (!adapts_) return;
  adaptive_.answered(in_use_);
  max_ = adaptive_.limit();
}

bool UpstreamLimit::overloaded(MonoTime sent, MonoTime now) {
  if (!adapts_) return false;
  const bool lowered = adaptive_.overloaded(sent, now);
  max_ = adaptive_.limit();
  return lowered;
}

void UpstreamLimit::cancel(SlotWaiter& waiter) { waiters_.remove(&waiter); }

UpstreamConnection* UpstreamPool::take_idle(const PoolKey& key) {
  const auto found = upstreams_.find(key);
  if (found == upstreams_.end() || found->second.idle.empty()) return nullptr;
  UpstreamConnection* connection = found->second.idle.back();
  found->second.idle.pop_back();
  metrics_.add(Metric::upstream_reuses);
  return connection;
}

UpstreamConnection& UpstreamPool::adopt(const PoolKey& key, net::Stream& stream, uint32_t idle_max) {
  auto& [stored_key, upstream] = *upstreams_.try_emplace(key).first;
  ++upstream.open;
  upstream.idle_max = idle_max;
  metrics_.add(Metric::upstream_connects);
  return *new UpstreamConnection(*this, stored_key, stream);
}

void UpstreamPool::give_back(UpstreamConnection& connection) {
  Upstream& upstream = upstreams_.at(connection.key());
  upstream.idle.push_back(&connection);
  if (draining_ || upstream.idle.size() > upstream.idle_max) upstream.idle.front()->close();
}

void UpstreamPool::forget_idle(UpstreamConnection& connection) {
  std::erase(upstreams_.at(connection.key()).idle, &connection);
}

void UpstreamPool::connection_gone(const PoolKey& key) {
  const auto found = upstreams_.find(key);
  if (--found->second.open == 0) upstreams_.erase(found);
}

void UpstreamPool::drain() {
  draining_ = true;
  std::vector<UpstreamConnection*> all;
  for (auto& [key, upstream] : upstreams_) all.insert(all.end(), upstream.idle.begin(), upstream.idle.end());
  for (UpstreamConnection* connection : all) connection->close();
}

UpstreamLimit& UpstreamPool::limit(const std::string& name, uint32_t max) {
  UpstreamLimit& found = limits_by_name_.try_emplace(name, max).first->second;
  found.set_max(max);
  return found;
}

size_t UpstreamPool::idle_count() const {
  size_t count = 0;
  for (const auto& [key, upstream] : upstreams_) count += upstream.idle.size();
  return count;
}

size_t UpstreamPool::open_count() const {
  size_t count = 0;
  for (const auto& [key, upstream] : upstreams_) count += upstream.open;
  return count;
}

}  // namespace perigee::proxy
