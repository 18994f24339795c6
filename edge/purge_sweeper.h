// What purges have made invisible is removed from the store, and then their rules go: the sweep behind the
// log of purges, on a loop of its own, for which nobody waits.
//
// A sweep goes over the whole store in steps that are small (cache::SweepStep), for the sake of those who
// wait for a shard's lock. What it meets is removed or stamped with the position of the sweeper's own table,
// so that rules older than the round, and than what every fill has asked since, judge nothing any more: the
// workers and the sweeper forget them, a few at a time.
//
// Ownership: the Node's; the loop outlives it, and it is destroyed while no loop runs.
// Thread rule: rebase(), apply() and rules() may be called from any thread; from one only, or their order is
// not kept. All else happens on its loop.
#pragma once

#include <atomic>
#include <memory>
#include <optional>
#include <vector>

#include "edge/base/metrics.h"
#include "edge/cache/fill.h"
#include "edge/cache/store.h"
#include "edge/net/io.h"
#include "edge/net/timer.h"
#include "edge/node_worker.h"

namespace perigee {

class PurgeSweeper final : private net::TimerHandler {
 public:
  using Rules = std::shared_ptr<const std::vector<cache::PurgeRule>>;

  PurgeSweeper(net::Loop& loop, cache::Store& store, cache::FillTable& fills)
      : loop_(loop), store_(store), fills_(fills) {}

  // Whose rules go when they are not needed any more; before the loop runs.
  void set_workers(std::vector<NodeWorker*> workers) { workers_ = std::move(workers); }
  void rebase();
  void apply(Rules rules);

  // As of now, or of a moment ago.
  size_t rules() const { return rules_.load(std::memory_order_relaxed); }
  const MetricShard& metrics() const { return metrics_; }

 private:
  void on_timer(net::Timer& timer) override;
  void begin();
  void sweep_some();
  void prune_some();

  net::Loop& loop_;
  cache::Store& store_;
  cache::FillTable& fills_;
  std::vector<NodeWorker*> workers_;
  MetricShard metrics_;
  std::atomic<size_t> rules_{0};
  cache::PurgeTable table_;
  cache::SweepCursor cursor_;
  cache::PurgeStamp from_ = 0;  // position when the round began
  uint64_t round_ = 0;
  std::optional<cache::PurgeStamp> pruning_;  // a round is over: rules up to there go
  net::Timer timer_{*this};
};

}  // namespace perigee
