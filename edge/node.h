// One node: workers with their listeners, the store they share, and the control loop's listeners. Assembled
// from a configuration and an Io; nothing global, so one process can hold many nodes.
//
// Ownership: the caller owns Io, logs and the Node, and destroys the Node after io.stop() and before the Io.
// Life: Node() -> start() -> io.start() -> [reload(), drain()]* -> io.stop() -> ~Node().
//
// Thread rule: made and started on the thread that owns the Io, before io.start(); afterwards everything is
// called on the control loop. Workers get snapshots, health and the order to drain by message.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "edge/base/log.h"
#include "edge/cluster/peer_health.h"
#include "edge/control/admin_handler.h"
#include "edge/control/admin_pages.h"
#include "edge/control/config.h"
#include "edge/control/origin_prober.h"
#include "edge/control/peer_prober.h"
#include "edge/control/reload.h"
#include "edge/net/io.h"
#include "edge/node_purges.h"
#include "edge/node_snapshot.h"
#include "edge/node_worker.h"
#include "edge/peer_outcomes.h"
#include "edge/proxy/outcome.h"
#include "edge/serve/server.h"

namespace perigee {

struct NodeOptions {
  std::string config_path;
  std::string node_name;                       // overrides the configuration's; may be empty
  std::string last_good_path;                  // where the files in force are copied to; empty: nowhere
  control::ConfigBundle files = {};            // that the first configuration was read from
  std::function<uint64_t()> log_dropped = {};  // log lines lost so far, for the metrics; may be empty
  cache::PieceHeap* pieces = nullptr;          // for stored responses; outlives the node; null: the heap
};

// Where a node listens, for a person or a test that asked for port 0.
struct ListeningAddress {
  std::string_view role;  // client, tls, peer, admin, health
  net::Address address;
};

class Node final : private control::AdminBackend, private control::ProbeListener, private net::TimerHandler {
 public:
  Node(net::Io& io, net::Loop& control, std::shared_ptr<const control::Config> config, NodeOptions options,
       Log log, proxy::ExchangeLog& exchange_log);
  ~Node();

  // Builds the first snapshot and opens every listener. Errors: those of build_snapshot(), and listen_failed.
  Result<void> start();
  const std::vector<ListeningAddress>& listening() const { return listening_; }

  // Reads the configuration again and, if all of it is good, gives it to the workers.
  control::ReloadResult reload();
  // Stops accepting, finishes what is under way, and calls done on the control loop when it is over, at the
  // latest after the drain deadline. A second call only says whom to tell.
  void drain(std::function<void()> done);

  // The body of POST /purge; done gets the status and the JSON of the answer, possibly before this returns.
  void purge(std::string_view body, const JsonDone& done) override;

  // GET /metrics, /topology and /urls, and POST /drain and /undrain.
  std::string metrics_text() override;
  std::string topology_json() override;
  void urls(const JsonDone& done) override;
  void set_out(bool out) override;

  uint64_t hot_copy_bytes() const { return hot_copies_->bytes(); }
  size_t purge_rules() const { return sweeper_->rules(); }
  // Fetches that have not ended, whoever reads them. Any thread.
  size_t fills_in_flight() const { return fills_->in_flight(); }

  cache::Store& store() { return *store_; }
  // A sum over all shards: a moment's approximation while workers run.
  uint64_t metric(Metric metric) const;

 private:
  // AdminBackend (node_admin.cc).
  std::string config_json() override;
  std::string status_json() override;
  Result<std::string> explain_json(std::string_view query) override;
  void reload(ReloadDone done) override;
  std::string reloads_json() override { return control::reloads_json(config_.history()); }
  std::string diff_json() override;
  void roll_back(uint64_t id, ReloadDone done) override;
  std::string purges_json() override { return purges_->history_json(); }
  bool ready() override { return !draining_ && !out_; }
  std::string_view token() override { return config_.current()->admin.token; }
  std::vector<const MetricShard*> shards();
  void set_memory_metrics();
  void count_answers(control::NodeStatus& status);

  void make_workers(const control::Config& config);
  Result<void> listen_workers(const control::Config& config);
  Result<void> listen_control(const control::Config& config);
  Result<void> listen_role(std::string_view role, serve::ServerOptions options,
                           proxy::EdgeHandler::Listener listener, bool tls);
  Result<void> build_tls(const control::Config& config);
  Result<void> apply(const std::shared_ptr<const control::Config>& config, uint64_t id);
  void put_in_force(const std::shared_ptr<const control::Config>& config);
  control::ReloadResult reloaded(control::ReloadResult result);
  void keep_last_good();
  void publish_snapshot();
  void publish_tls();
  void publish_health();
  void take_outcomes();
  void on_probe(const cluster::PeerRecord& peer, const cluster::PeerAnswerEnvelope* said) override;
  std::optional<cluster::NodeIndex> index_of(cluster::PeerId peer) const;
  void on_timer(net::Timer& timer) override;
  void worker_drained();

  net::Io& io_;
  net::Loop& control_;
  const NodeOptions options_;
  Log log_;
  proxy::ExchangeLog& exchange_log_;
  control::ConfigHolder config_;
  std::shared_ptr<const proxy::Snapshot> snapshot_;
  std::string ticket_secret_;                                   // for as long as the configuration names none
  std::vector<TlsContexts> tls_contexts_;                       // one per worker, to be published
  std::shared_ptr<const net::TlsServerContext> admin_context_;  // to be published
  net::TlsAcceptor admin_tls_;
  std::unique_ptr<cache::Store> store_;
  cache::Reader* control_reader_ = nullptr;  // the control loop's own look at the store
  std::unique_ptr<cache::FillTable> fills_;
  std::unique_ptr<cache::RunTable> runs_;
  std::unique_ptr<proxy::HotCopies> hot_copies_;
  std::unique_ptr<PurgeSweeper> sweeper_;
  std::unique_ptr<NodePurges> purges_;
  cluster::PeerBook peers_;
  proxy::OriginBook origins_;
  std::vector<std::optional<cluster::NodeIndex>> index_by_peer_;  // in the topology in force
  std::atomic<uint32_t> peer_requests_waiting_{0};
  PeerOutcomes outcomes_;
  std::unique_ptr<control::PeerProber> prober_;
  std::unique_ptr<control::OriginProber> origin_prober_;
  std::unique_ptr<cluster::PeerHealth> health_;
  std::shared_ptr<const cluster::HealthView> published_health_;
  std::vector<std::unique_ptr<NodeWorker>> workers_;
  MetricShard control_metrics_;
  MetricShard caretakers_;  // of the admin and health listeners: no clients, and shown nowhere
  std::unique_ptr<serve::Handler> admin_handler_;
  std::unique_ptr<serve::Handler> health_handler_;
  std::vector<std::unique_ptr<serve::Server>> control_servers_;
  std::vector<ListeningAddress> listening_;
  net::Timer health_timer_{*this};
  MonoTime started_{};
  bool draining_ = false;  // ends when what is under way is over
  bool out_ = false;       // serves, but asks to get no clients
  size_t workers_draining_ = 0;
  std::function<void()> drained_;
};

}  // namespace perigee
