// One worker's view of the cluster's purges: its table, which place of the cluster's log the table has come
// to, and until when that may be believed.
//
// The control loop brings purges by message, in the order of the log. It also says how long the worker may go
// without word of it; when that time is over, this worker's own timer makes everything unverified, so that
// nothing depends on the control loop being alive.
//
// Owned by the Worker. Thread rule: the worker's loop.
#pragma once

#include <memory>
#include <optional>

#include "edge/cache/purge.h"
#include "edge/cluster/peer_envelope.h"
#include "edge/net/timer.h"

namespace perigee::proxy {

class WorkerPurges final : private net::TimerHandler {
 public:
  explicit WorkerPurges(net::TimerWheel& timers) : timers_(timers) {}

  const cache::PurgeTable& table() const { return table_; }

  // The next purge of the log.
  void apply(const cache::PurgeRule& rule);
  // What follows comes after this place of the log, and what is stored must be validated.
  void rebase(cluster::LogPosition position);
  void prune(cache::PurgeStamp floor, size_t most) { table_.prune(floor, most); }
  // Without further word everything is unverified from then on; nullopt: no word is needed.
  void verified_until(std::optional<MonoTime> until, MonoTime now);
  // Nothing has been heard yet.
  void unverified();
  // Before anything stored is used at that time: a process that was stopped comes to what has arrived
  // meanwhile before it comes to its timers.
  void believe_at(MonoTime now) {
    if (now >= believed_until_) table_.set_verified(false);
  }

  // Where the table is; nullopt as long as nothing was heard.
  std::optional<cluster::LogPosition> position() const { return place_of(table_.position()); }
  // The place of a stamp in the log; nullopt for one from before rebase().
  std::optional<cluster::LogPosition> place_of(cache::PurgeStamp stamp) const;
  // The stamp of a place as a peer tells it: never ahead of the table; nullopt for a place in another log, or
  // one that cannot be compared.
  std::optional<cache::PurgeStamp> stamp_of(cluster::LogPosition place) const;

 private:
  void on_timer(net::Timer& timer) override;

  net::TimerWheel& timers_;
  cache::PurgeTable table_;
  std::optional<cluster::LogPosition> base_;  // of base_stamp_
  cache::PurgeStamp base_stamp_ = 0;
  MonoTime believed_until_ = MonoTime::max();
  net::Timer silence_timer_{*this};
};

}  // namespace perigee::proxy
