// Purges of one node: brings what the log says to every worker, answers other nodes that ask the log, takes
// purges from the admin page, and tells the sweeper, which clears the store behind them.
//
// The log is here when this node is the one the topology names as purge_log, or is alone; else it is asked
// over the peer listener of that node. Without one there are no purges, and nothing needs to be verified.
//
// Ownership: the Node's; made before its workers, destroyed after them. Thread rule: the control loop, but
// for on_control_request() and invalidate_groups(), which run on workers.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "edge/base/log.h"
#include "edge/control/config.h"
#include "edge/control/purge_appender.h"
#include "edge/control/purge_follower.h"
#include "edge/node_worker.h"
#include "edge/proxy/group_invalidation.h"
#include "edge/proxy/peer_caller.h"
#include "edge/proxy/peer_control.h"
#include "edge/purge_sweeper.h"

namespace perigee {

struct PurgeAnswer {
  int status = 200;
  std::string json;
};

class NodePurges final : public proxy::PeerControl,
                         public proxy::GroupInvalidator,
                         private control::PurgeApplier {
 public:
  using Done = std::function<void(PurgeAnswer)>;
  static constexpr size_t history_max = 100;

  // Does a node of this configuration write a journal?
  static bool keeps_journal(const control::Config& config);

  // disk: where the journal is written; the control loop will do for a node that keeps none.
  NodePurges(net::Loop& control, net::Loop& disk, net::Files& files, MetricShard& metrics,
             PurgeSweeper& sweeper, Log log);
  ~NodePurges() override;

  // The workers are made and not running yet. Error: the journal cannot be written.
  Result<void> start(const control::Config& config, std::shared_ptr<const proxy::Snapshot> snapshot,
                     std::vector<NodeWorker*> workers);
  // After a reload.
  void adopt(const control::Config& config, std::shared_ptr<const proxy::Snapshot> snapshot);

  // The body of POST /purge. done is called once, on the control loop, possibly before this returns.
  void purge(std::string_view body, const Done& done);
  // What was purged here lately, newest first, and where the log is.
  std::string history_json() const;

  void on_control_request(serve::ServerExchange& exchange) override;
  void invalidate_groups(proxy::OriginGroups groups, net::Loop& loop,
                         proxy::GroupInvalidator::Done done) override;

 private:
  class ControlExchange;
  // What the page needs is made once, so that showing all of it takes no time worth mentioning.
  struct Entry {
    WallTime at{};
    std::string commands;      // a JSON list of the first commands_shown
    size_t commands_more = 0;  // that it leaves out
    std::string receipt;       // JSON; empty: under way
    std::string error;
    uint64_t took_ms = 0;
  };
  static constexpr size_t commands_shown = 20;

  void rebase(cluster::LogPosition position) override;
  void apply(std::span<const control::PurgeCommand> commands, std::function<void()> done) override;
  void verified_until(std::optional<MonoTime> until) override;

  void append_groups(const proxy::OriginGroups& groups, std::function<void(bool ok)> done);

  template <typename Message>
  void tell_workers(Message message);
  void send(http::Method method, std::string target, Duration timeout, proxy::PeerCaller::Done done);
  void serve_control(http::Method method, const std::string& target, const Done& done);
  void finish(uint64_t id, MonoTime began, const Done& done, Result<control::PurgeReceipt> receipt);

  net::Loop& control_;
  net::Loop& disk_;
  net::Files& files_;
  PurgeSweeper& sweeper_;
  Log log_;
  MetricShard& metrics_;
  std::shared_ptr<const proxy::Snapshot> snapshot_;
  std::shared_ptr<const cache::SiteNames> names_;
  std::vector<NodeWorker*> workers_;
  Duration wait_{};
  proxy::PeerCaller caller_;
  std::unique_ptr<control::PurgeAppender> appender_;
  std::unique_ptr<control::PurgeFollower> follower_;
  control::PurgeLog* purge_log_ = nullptr;  // one of the two; null: no purges
  std::optional<cluster::LogPosition> position_;
  std::deque<std::pair<uint64_t, Entry>> history_;
  uint64_t last_id_ = 0;
};

}  // namespace perigee
