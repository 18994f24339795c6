#include "edge/node.h"

#include <algorithm>
#include <utility>

#include "edge/base/hash.h"

namespace perigee {

namespace {

serve::ServerOptions server_options(const control::Config& config, unsigned share_of) {
  serve::ServerOptions options;
  options.head_limits = head_limits(config);
  options.http2.streams_max = config.server.http2_streams_max;
  options.http2.glitches_max = config.server.http2_glitches_max;
  options.header_timeout = config.server.header_timeout;
  options.keep_alive_idle = config.server.keep_alive_timeout;
  options.body_idle_timeout = config.server.request_body_timeout;
  options.write_stall_timeout = config.server.write_stall_timeout;
  options.connections_max = std::max(config.server.connections_max / share_of, 1u);
  return options;
}

}  // namespace

Node::Node(net::Io& io, net::Loop& control, std::shared_ptr<const control::Config> config,
           NodeOptions options, Log log, proxy::ExchangeLog& exchange_log)
    : io_(io),
      control_(control),
      options_(std::move(options)),
      log_(log),
      exchange_log_(exchange_log),
      config_(std::move(config), control.wall_now(), options_.files),
      admin_tls_(control),
      origins_(Random(hash64(config_.current()->node.name))),
      outcomes_(control, [this] { take_outcomes(); }) {}

Node::~Node() {
  // What refers to the store goes before it: servers and their exchanges, then fills.
  control_servers_.clear();
  prober_.reset();
  origin_prober_.reset();
  workers_.clear();
  runs_.reset();
  purges_.reset();
  sweeper_.reset();
  fills_.reset();
}

Result<void> Node::start() {
  const std::shared_ptr<const control::Config> config = config_.current();
  started_ = control_.now();
  if (auto applied = apply(config, config_.current_id()); !applied) return applied;
  cache::StoreOptions store_options = config->cache.store;
  store_options.blocks = io_.block_memory(store_options.budget_bytes);
  store_options.pieces = options_.pieces;
  if (store_options.blocks == nullptr)
    log_.info("bodies_on_heap", {{"why", "no memory file (memfd_create)"}});
  if (store_options.pieces == nullptr)
    log_.info("responses_on_heap", {{"why", "no addresses that cost no memory (mmap)"}});
  store_ = std::make_unique<cache::Store>(store_options);
  control_reader_ = &store_->add_reader();
  fills_ = std::make_unique<cache::FillTable>(*store_, config->cache.fill);
  runs_ = std::make_unique<cache::RunTable>(*fills_);
  hot_copies_ = std::make_unique<proxy::HotCopies>(
      *store_, config->cache.store.budget_bytes / 100 * config->cache.hot_copies_percent);
  health_ = std::make_unique<cluster::PeerHealth>(snapshot_->cluster->topology, config->peers.health,
                                                  Random(control_.random().next()));
  net::Loop& disk = NodePurges::keeps_journal(*config) ? io_.add_loop("journal") : control_;
  net::Loop& sweeps = io_.add_loop("sweep");
  sweeper_ = std::make_unique<PurgeSweeper>(sweeps, *store_, *fills_);
  purges_ = std::make_unique<NodePurges>(control_, disk, io_.files(), control_metrics_, *sweeper_, log_);
  make_workers(*config);
  if (auto built = build_tls(*config); !built) return built;
  for (size_t i = 0; i < tls_contexts_.size(); ++i) workers_[i]->set_tls(std::move(tls_contexts_[i]));
  tls_contexts_.clear();
  admin_tls_.set_context(std::move(admin_context_));
  std::vector<NodeWorker*> workers;
  for (const auto& worker : workers_) workers.push_back(worker.get());
  if (auto started = purges_->start(*config, snapshot_, std::move(workers)); !started) return started;
  if (auto listening = listen_workers(*config); !listening) return listening;
  if (auto listening = listen_control(*config); !listening) return listening;
  control::ProbeListener& probed = *this;
  prober_ = std::make_unique<control::PeerProber>(control_, control_metrics_, config->peers.probe_interval,
                                                  Random(control_.random().next()), probed);
  origin_prober_ = std::make_unique<control::OriginProber>(control_, control_metrics_,
                                                           Random(hash64(config->node.name, 1)), log_);
  control_.post(net::make_task([this] {
    prober_->adopt(snapshot_);
    origin_prober_->adopt(snapshot_);
  }));
  keep_last_good();
  return {};
}

void Node::make_workers(const control::Config& config) {
  const unsigned count = config.node.workers != 0 ? config.node.workers : io_.cores();
  proxy::NodeParts parts{.store = *store_,
                         .fills = *fills_,
                         .runs = *runs_,
                         .outcomes = outcomes_,
                         .exchange_log = exchange_log_,
                         .log = log_,
                         .control = *purges_,
                         .groups = *purges_,
                         .peer_requests_waiting = peer_requests_waiting_,
                         .hot_copies = *hot_copies_,
                         .hot_keys = config.cache.hot_keys,
                         .workers = count};
  for (unsigned i = 0; i < count; ++i) {
    net::Loop& loop = io_.add_loop("worker-" + std::to_string(i));
    workers_.push_back(std::make_unique<NodeWorker>(loop, parts, head_limits(config), snapshot_));
    workers_.back()->worker().pool().set_idle_time(config.server.upstream_idle_timeout);
  }
}

Result<void> Node::listen_workers(const control::Config& config) {
  serve::ServerOptions options = server_options(config, static_cast<unsigned>(workers_.size()));
  for (const net::Address& address : config.listen.client) {
    options.address = address;
    options.http2_clear = config.listen.http2_clear;
    if (auto ok = listen_role("client", options, proxy::EdgeHandler::Listener::client, false); !ok) return ok;
  }
  options.http2_clear = false;
  for (const net::Address& address : config.listen.tls) {
    options.address = address;
    if (auto ok = listen_role("tls", options, proxy::EdgeHandler::Listener::client, true); !ok) return ok;
  }
  if (config.listen.peer) {
    options.address = *config.listen.peer;
    options.counts = {Metric::peer_bytes_sent, Metric::peer_connections_accepted,
                      Metric::peer_connections_refused, Metric::peer_connections_open};
    const bool tls = config.peers.tls.server != nullptr;
    if (auto ok = listen_role("peer", options, proxy::EdgeHandler::Listener::peer, tls); !ok) return ok;
  }
  for (const auto& worker : workers_) worker->begin_turns();
  return {};
}

// All workers share one address; with port 0 the first one's choice holds for all.
Result<void> Node::listen_role(std::string_view role, serve::ServerOptions options,
                               proxy::EdgeHandler::Listener listener, bool tls) {
  for (const auto& worker : workers_) {
    const auto at = tls ? worker->listen_tls(options, listener) : worker->listen(options, listener);
    if (!at) return tl::unexpected(at.error());
    options.address = *at;
  }
  listening_.push_back({role, options.address});
  return {};
}

Result<void> Node::listen_control(const control::Config& config) {
  admin_handler_ = std::make_unique<control::AdminHandler>(static_cast<control::AdminBackend&>(*this));
  health_handler_ = std::make_unique<control::HealthHandler>([this] { return ready(); });
  const auto listen = [&](std::string_view role, const std::optional<net::Address>& address,
                          serve::Handler& handler) -> Result<void> {
    if (!address) return {};
    serve::ServerOptions options = server_options(config, 1);
    options.address = *address;
    if (role == "admin" && config.admin.tls != nullptr) {
      options.tls = &admin_tls_;
      options.scheme = "https";
    }
    control_servers_.push_back(std::make_unique<serve::Server>(control_, options, handler, caretakers_));
    const auto at = control_servers_.back()->listen();
    if (!at) return tl::unexpected(at.error());
    listening_.push_back({role, *at});
    return {};
  };
  if (auto ok = listen("admin", config.listen.admin, *admin_handler_); !ok) return ok;
  return listen("health", config.listen.health, *health_handler_);
}

// Builds the workers' snapshot of a configuration; the one in force stays when that fails.
Result<void> Node::apply(const std::shared_ptr<const control::Config>& config, uint64_t id) {
  SnapshotInput input;
  input.id = id;
  input.draining = draining_ || out_;
  input.now = control_.now();
  input.peers = &peers_;
  input.origins = &origins_;
  if (snapshot_ != nullptr) {
    input.before = snapshot_->cluster;
    input.joining = snapshot_->joining;
  }
  auto built = build_snapshot(config, input);
  if (!built) return tl::unexpected(built.error());
  snapshot_ = std::move(*built);
  index_by_peer_.assign(index_by_peer_.size(), std::nullopt);
  for (size_t i = 0; i < snapshot_->peers.size(); ++i) {
    const cluster::PeerId peer = snapshot_->peers[i]->id;
    if (index_by_peer_.size() <= peer) index_by_peer_.resize(peer + 1);
    index_by_peer_[peer] = static_cast<cluster::NodeIndex>(i);
  }
  return {};
}

std::optional<cluster::NodeIndex> Node::index_of(cluster::PeerId peer) const {
  return peer < index_by_peer_.size() ? index_by_peer_[peer] : std::nullopt;
}

// Every worker gets contexts of its own: OpenSSL counts references in them.
Result<void> Node::build_tls(const control::Config& config) {
  tls_contexts_.clear();
  admin_context_.reset();
  const auto build = [](const std::shared_ptr<const net::TlsServerSettings>& settings,
                        std::shared_ptr<const net::TlsServerContext>& into) -> Result<void> {
    if (settings == nullptr) return {};
    auto built = net::TlsServerContext::build(*settings);
    if (!built) return tl::unexpected(built.error());
    into = std::move(*built);
    return {};
  };
  std::shared_ptr<const net::TlsServerSettings> clients = config.tls;
  if (clients != nullptr && clients->ticket_secrets.empty()) {
    if (ticket_secret_.empty()) ticket_secret_ = net::make_tls_secret();
    auto with_tickets = std::make_shared<net::TlsServerSettings>(*clients);
    with_tickets->ticket_secrets.push_back(ticket_secret_);
    clients = std::move(with_tickets);
  }
  std::vector<TlsContexts> contexts(workers_.size());
  for (TlsContexts& each : contexts) {
    if (auto built = build(clients, each.clients); !built) return built;
    if (auto built = build(config.peers.tls.server, each.peers); !built) return built;
  }
  if (auto built = build(config.admin.tls, admin_context_); !built) return built;
  tls_contexts_ = std::move(contexts);
  return {};
}

void Node::publish_tls() {
  for (size_t i = 0; i < tls_contexts_.size(); ++i) {
    workers_[i]->loop().post(
        net::make_task([to = workers_[i].get(), contexts = std::move(tls_contexts_[i])]() mutable {
          to->set_tls(std::move(contexts));
        }));
  }
  tls_contexts_.clear();
  if (admin_context_ != nullptr) admin_tls_.set_context(std::move(admin_context_));
}

void Node::publish_snapshot() {
  for (const auto& worker : workers_) {
    worker->loop().post(
        net::make_task([to = &worker->worker(), snapshot = snapshot_] { to->set_snapshot(snapshot); }));
  }
}

void Node::put_in_force(const std::shared_ptr<const control::Config>& config) {
  if (const auto applied = apply(config, config_.current_id()); !applied) {
    log_.error("snapshot_failed", {{"context", std::string_view(applied.error().context)}});
    return;
  }
  if (const auto built = build_tls(*config); !built) {
    log_.error("tls_failed", {{"context", std::string_view(built.error().context)}});
  } else {
    publish_tls();
  }
  log_.set_lowest(config->log.level);
  exchange_log_.set_sample(config->log.access_sample);
  exchange_log_.set_fields(config->log.access_fields);
  health_->adopt(snapshot_->cluster->topology);
  purges_->adopt(*config, snapshot_);
  prober_->adopt(snapshot_);
  origin_prober_->adopt(snapshot_);
  publish_snapshot();
  publish_health();
}

control::ReloadResult Node::reload() {
  return reloaded(
      config_.reload(io_.files(), options_.config_path, options_.node_name, control_.wall_now(),
                     [this](const std::shared_ptr<const control::Config>& config) { put_in_force(config); }));
}

void Node::roll_back(uint64_t id, ReloadDone done) {
  done(reloaded(config_.roll_back(
      id, options_.config_path, options_.node_name, control_.wall_now(),
      [this](const std::shared_ptr<const control::Config>& config) { put_in_force(config); })));
}

control::ReloadResult Node::reloaded(control::ReloadResult result) {
  control_metrics_.add(result.applied ? Metric::reloads_ok : Metric::reloads_refused);
  if (result.applied) {
    keep_last_good();
    log_.info("reload_applied", {{"id", result.id}, {"changes", uint64_t{result.changes.size()}}});
  }
  for (const control::ConfigError& error : result.errors) {
    const std::string text = error.to_string();
    log_.warning("reload_refused", {{"id", result.id}, {"error", std::string_view(text)}});
  }
  return result;
}

void Node::keep_last_good() {
  if (options_.last_good_path.empty() || config_.files().files.empty()) return;
  const auto written = io_.files().write_atomically(options_.last_good_path, config_.files().print());
  if (!written) log_.warning("last_good_not_kept", {{"why", std::string_view(written.error().context)}});
}

void Node::set_out(bool out) {
  if (out_ == out) return;
  out_ = out;
  log_.info(out ? "taken_out" : "taken_back", {});
  if (apply(config_.current(), config_.current_id())) publish_snapshot();
}

void Node::drain(std::function<void()> done) {
  drained_ = std::move(done);
  if (draining_) {
    if (workers_draining_ == 0 && drained_) std::exchange(drained_, nullptr)();
    return;
  }
  draining_ = true;
  log_.info("drain_begins", {});
  const std::shared_ptr<const control::Config> config = config_.current();
  if (apply(config, config_.current_id())) publish_snapshot();
  workers_draining_ = workers_.size();
  for (const auto& worker : workers_) {
    worker->loop().post(net::make_task([this, to = worker.get(), within = config->server.drain_deadline] {
      to->drain(within, [this] { control_.post(net::make_task([this] { worker_drained(); })); });
    }));
  }
}

void Node::worker_drained() {
  if (--workers_draining_ != 0) return;
  log_.info("drain_ends", {});
  if (drained_) std::exchange(drained_, nullptr)();
}

void Node::take_outcomes() {
  const MonoTime now = control_.now();
  const uint64_t ejections = health_->ejections();
  for (const PeerOutcomes::Outcome& outcome : outcomes_.take()) {
    const auto node = index_of(outcome.peer);
    if (!node) continue;
    if (outcome.draining) {
      health_->set_draining(*node, *outcome.draining, now);
    } else {
      health_->record(*node, outcome.outcome, now);
      if (outcome.outcome == cluster::PeerOutcome::failure ||
          outcome.outcome == cluster::PeerOutcome::connect_failure)
        snapshot_->peers[*node]->failed.fetch_add(1, std::memory_order_relaxed);
    }
  }
  control_metrics_.add(Metric::peer_ejections, health_->ejections() - ejections);
  if (health_->view() != published_health_) publish_health();
}

void Node::on_probe(const cluster::PeerRecord& peer, const cluster::PeerAnswerEnvelope* said) {
  const auto node = index_of(peer.id);
  if (!node) return;
  const uint64_t ejections = health_->ejections();
  health_->probed(*node, said != nullptr, control_.now());
  if (said != nullptr) health_->set_draining(*node, said->draining, control_.now());
  control_metrics_.add(Metric::peer_ejections, health_->ejections() - ejections);
  if (health_->view() != published_health_) publish_health();
}

void Node::publish_health() {
  const std::shared_ptr<const cluster::HealthView> view = published_health_ = health_->view();
  for (const auto& worker : workers_) {
    worker->loop().post(net::make_task([to = &worker->worker(), view] { to->set_health(view); }));
  }
  if (const auto next = health_->next_event()) control_.timers().arm(health_timer_, *next);
}

void Node::on_timer(net::Timer&) {
  health_->tick(control_.now());
  publish_health();
}

}  // namespace perigee
