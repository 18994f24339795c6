// A worker's connections to upstreams: idle ones to reuse, a limit on how many there are, and a queue for
// those who must wait for a place.
//
// Connections are keyed by where they lead (address, TLS name and trust), so that one can never
// carry a request to somewhere else.
//
// Thread rule: one worker's loop.
#pragma once

#include <compare>
#include <cstdint>
#include <list>
#include <map>
#include <string>
#include <vector>

#include "edge/base/metrics.h"
#include "edge/cluster/adaptive_limit.h"
#include "edge/http/h1.h"
#include "edge/net/io.h"

namespace perigee::proxy {

class UpstreamConnection;

struct PoolKey {
  net::Address address;
  std::string tls = {};  // whom the other side has proven to be, and who vouched for it; empty without TLS
  auto operator<=>(const PoolKey&) const = default;
};

// Whoever waits for a place under a limit.
class SlotWaiter {
 public:
  // A place is reserved for the waiter now, who must use it or release it.
  virtual void on_slot() = 0;

 protected:
  ~SlotWaiter() = default;
};

// How many exchanges may be under way toward one upstream, for this worker's share.
class UpstreamLimit {
 public:
  explicit UpstreamLimit(uint32_t max) : max_(max), adaptive_(1, max) {}

  enum class Grant : uint8_t { granted, queued, refused };
  Grant acquire(SlotWaiter& waiter);
  // A place now or none.
  bool try_acquire() { return in_use_ < max_ && ++in_use_ > 0; }
  void release();
  void cancel(SlotWaiter& waiter);
  uint32_t in_use() const { return in_use_; }
  void set_max(uint32_t max) {
    most_ = max_ = max;
    adapts_ = false;
  }
  // Between least and what set_max() said, by what answered() and overloaded() find out.
  void adapt(uint32_t least);
  // A place we hold has got its answer.
  void answered();
  // True when this lowered the limit. sent: when the request was that met the overload.
  bool overloaded(MonoTime sent, MonoTime now);
  uint32_t max() const { return max_; }

 private:
  static constexpr size_t waiters_max = 10'000;
  uint32_t max_;
  uint32_t most_ = max_;
  bool adapts_ = false;
  cluster::AdaptiveLimit adaptive_;
  uint32_t in_use_ = 0;
  std::list<SlotWaiter*> waiters_;
};

class UpstreamPool {
 public:
  UpstreamPool(net::Loop& loop, MetricShard& metrics, const http::HeadLimits& limits)
      : loop_(loop), metrics_(metrics), limits_(limits) {}
  // Connections still open are closed by the loop; the pool must outlive it.
  ~UpstreamPool() = default;

  // The idle connection used last, or null.
  UpstreamConnection* take_idle(const PoolKey& key);
  // A connection over a stream that is connected.
  // idle_max: how many idle ones to keep toward there, from now on.
  UpstreamConnection& adopt(const PoolKey& key, net::Stream& stream, uint32_t idle_max);
  void give_back(UpstreamConnection& connection);
  void forget_idle(UpstreamConnection& connection);
  void connection_gone(const PoolKey& key);
  // How long an idle connection is kept.
  Duration idle_time() const { return idle_time_; }
  void set_idle_time(Duration time) { idle_time_ = time; }
  // The node drains: closes every idle connection, and from now on each one when its exchange is over.
  void drain();

  // The limit of that name (an origin group, a peer), made on first use.
  UpstreamLimit& limit(const std::string& name, uint32_t max);

  const http::HeadLimits& head_limits() const { return limits_; }
  net::Loop& loop() { return loop_; }
  size_t idle_count() const;
  size_t open_count() const;

 private:
  struct Upstream {
    std::vector<UpstreamConnection*> idle;
    uint32_t open = 0;
    uint32_t idle_max = 0;
  };

  net::Loop& loop_;
  MetricShard& metrics_;
  http::HeadLimits limits_;
  Duration idle_time_ = std::chrono::seconds(50);
  bool draining_ = false;
  std::map<PoolKey, Upstream> upstreams_;  // node-based: connections keep a pointer to their key
  std::map<std::string, UpstreamLimit> limits_by_name_;
};

}  // namespace perigee::proxy
