// What one worker thread has to answer requests with: its loop, its access to the store, its upstream pools,
// and the current snapshot. Exchanges, fetches and handlers of the worker hold a reference to it.
//
// Owned by the node, one per worker; outlives everything that refers to it.
//
// Thread rule: the worker's loop, but for what Waker says.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "edge/base/log.h"
#include "edge/base/metrics.h"
#include "edge/cache/fill.h"
#include "edge/cache/run_table.h"
#include "edge/cache/store.h"
#include "edge/cluster/hot_keys.h"
#include "edge/cluster/peer_health.h"
#include "edge/cluster/retry_budget.h"
#include "edge/cluster/top_keys.h"
#include "edge/net/caching_resolver.h"
#include "edge/net/io.h"
#include "edge/net/tls_stream.h"
#include "edge/proxy/group_invalidation.h"
#include "edge/proxy/hit_lines.h"
#include "edge/proxy/hot_copies.h"
#include "edge/proxy/outcome.h"
#include "edge/proxy/peer_control.h"
#include "edge/proxy/peer_invalidator.h"
#include "edge/proxy/snapshot.h"
#include "edge/proxy/traffic.h"
#include "edge/proxy/upstream_pool.h"
#include "edge/proxy/worker_guest.h"
#include "edge/proxy/worker_peers.h"
#include "edge/proxy/worker_purges.h"

namespace perigee::proxy {

// Shared by all workers of a node.
struct NodeParts {
  cache::Store& store;
  cache::FillTable& fills;
  cache::RunTable& runs;
  OutcomeSink& outcomes;      // where upstream outcomes are reported
  ExchangeLog& exchange_log;  // one line per exchange, when it is on
  Log log;
  PeerControl& control;  // where peers' control loops are answered
  GroupInvalidator& groups;
  std::atomic<uint32_t>& peer_requests_waiting;  // of the node: peers' requests that have no answer yet
  HotCopies& hot_copies;
  cluster::HotKeyOptions hot_keys;
  uint32_t workers = 1;
};

class Worker final : public net::TurnHook, public Waker {
 public:
  Worker(net::Loop& loop, const NodeParts& parts, MetricShard& metrics,
         const http::HeadLimits& upstream_limits, std::shared_ptr<const Snapshot> snapshot);
  ~Worker();

  // From now on every turn of the loop ends with the store's epoch. Call it when the servers of the loop have
  // been made: what they do at the end of a turn must come first.
  void begin_turns() { loop_.add_turn_hook(*this); }

  net::Loop& loop() { return loop_; }
  Random& random() { return random_; }  // the loop's
  cache::Store& store() { return parts_.store; }
  cache::Reader& reader() { return reader_; }
  cache::FillTable& fills() { return parts_.fills; }
  cache::RunTable& runs() { return parts_.runs; }
  cache::WorkerFills& worker_fills() { return worker_fills_; }
  WorkerPurges& purges() { return purges_; }
  PeerInvalidator& invalidator() { return invalidator_; }
  WorkerPeers& peers() { return peers_; }
  HotCopies& hot_copies() { return parts_.hot_copies; }
  // A client's request for the key. Is it one that many ask for?
  cluster::Heat count_request(uint64_t key_hash) {
    return hot_keys_.touch(key_hash, metrics_.read(Metric::requests), loop_.now());
  }
  // The same for people who look (GET /urls): every request of a client for a site.
  void note_request(const cache::KeyView& key) {
    if (top_keys_.due()) top_keys_.add(key.bytes, key.hash, loop_.now());
  }
  cluster::TopView top_keys() { return top_keys_.view(loop_.now()); }
  // What the node announces as requests in flight; counted by exchanges.
  std::atomic<uint32_t>& peer_waiting() { return parts_.peer_requests_waiting; }
  uint32_t peer_requests_waiting() const {
    return parts_.peer_requests_waiting.load(std::memory_order_relaxed);
  }
  UpstreamPool& pool() { return pool_; }
  net::CachingResolver& resolver() { return resolver_; }
  net::TlsFactory& tls_factory() { return tls_factory_; }
  // Made on first use, one for all of that identity (net::identity_of). Null when it cannot be made.
  std::shared_ptr<net::TlsClientContext> tls_client(const net::TlsClientSettings& settings,
                                                    const std::string& identity);
  MetricShard& metrics() { return metrics_; }
  TrafficShard& traffic() { return traffic_; }
  const TrafficShard& traffic() const { return traffic_; }
  // Of a site of the current snapshot; good for as long as the worker.
  SiteTraffic& traffic_of(const Site& site) { return *site_traffic_[site.index]; }
  OutcomeSink& outcomes() { return parts_.outcomes; }
  ExchangeLog& exchange_log() { return parts_.exchange_log; }
  const Log& log() const { return parts_.log; }
  PeerControl& control() { return parts_.control; }
  GroupInvalidator& groups() { return parts_.groups; }
  // A node's figure, divided by workers, at least one.
  uint32_t share(uint32_t per_node) const {
    return per_node / parts_.workers > 0 ? per_node / parts_.workers : 1;
  }

  const Snapshot& snapshot() const { return *snapshot_; }
  std::shared_ptr<const Snapshot> snapshot_ref() const { return snapshot_; }
  // Budgets begin anew, with the options of the new snapshot.
  void set_snapshot(std::shared_ptr<const Snapshot> snapshot);

  const cluster::HealthView& health() const { return *health_; }
  void set_health(std::shared_ptr<const cluster::HealthView> health) { health_ = std::move(health); }

  // Retries toward an upstream, by its name.
  cluster::RetryBudget& retry_budget(const std::string& upstream);
  // Turns round robin among the servers of an origin group.
  uint32_t& rotation(const std::string& group) { return rotations_[group]; }

  // Scratch of the hit path, good until the next request.
  std::string& key_scratch() { return key_scratch_; }
  std::string& line_scratch() { return line_scratch_; }
  HitLines& hit_lines() { return hit_lines_; }
  std::string& head_scratch() { return head_scratch_; }

  WorkerGuest*& guests() { return guests_; }

  // Waker: any thread. Followers of this worker have something to look at.
  void wake() override;
  void on_turn_end() override;

 private:
  void number_sites();

  net::Loop& loop_;
  Random& random_;
  NodeParts parts_;
  MetricShard& metrics_;
  cache::Reader& reader_;
  cache::WorkerFills worker_fills_;
  WorkerPurges purges_;
  UpstreamPool pool_;
  net::CachingResolver resolver_;
  net::TlsFactory tls_factory_;
  std::map<std::string, std::shared_ptr<net::TlsClientContext>> tls_clients_;  // by identity
  std::shared_ptr<const Snapshot> snapshot_;
  std::shared_ptr<const cluster::HealthView> health_ = std::make_shared<cluster::HealthView>();
  std::map<std::string, cluster::RetryBudget> retry_budgets_;
  std::map<std::string, uint32_t> rotations_;
  TrafficShard traffic_;
  std::vector<SiteTraffic*> site_traffic_;  // by Site::index
  WorkerGuest* guests_ = nullptr;
  PeerInvalidator invalidator_{*this};
  WorkerPeers peers_{*this};
  cluster::HotKeys hot_keys_{parts_.hot_keys};
  cluster::TopKeys top_keys_;
  std::string key_scratch_;
  std::string line_scratch_;
  HitLines hit_lines_;
  std::string head_scratch_;
};

}  // namespace perigee::proxy
