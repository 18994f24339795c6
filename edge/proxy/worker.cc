#include "edge/proxy/worker.h"

#include <set>

namespace perigee::proxy {

Worker::Worker(net::Loop& loop, const NodeParts& parts, MetricShard& metrics,
               const http::HeadLimits& upstream_limits, std::shared_ptr<const Snapshot> snapshot)
    : loop_(loop),
      random_(loop.random()),
      parts_(parts),
      metrics_(metrics),
      reader_(parts.store.add_reader()),
      worker_fills_(*this),
      purges_(loop.timers()),
      pool_(loop, metrics, upstream_limits),
      resolver_(loop),
      tls_factory_(loop),
      snapshot_(std::move(snapshot)),
      hit_lines_(snapshot_->node_name) {
  reader_.set_purges(purges_.table());
  number_sites();
}

Worker::~Worker() {
  while (guests_ != nullptr) guests_->end_now();
  loop_.remove_turn_hook(*this);
}

void Worker::set_snapshot(std::shared_ptr<const Snapshot> snapshot) {
  snapshot_ = std::move(snapshot);
  number_sites();
  hit_lines_ = HitLines(snapshot_->node_name);
  retry_budgets_.clear();
  // What no upstream uses any more; connections and exchanges that began with it hold on to it.
  std::set<std::string_view> used{snapshot_->peer_tls_identity};
  for (const auto& site : snapshot_->sites->sites()) used.insert(site->origin->tls_identity);
  std::erase_if(tls_clients_, [&](const auto& entry) { return used.count(entry.first) == 0; });
}

void Worker::number_sites() {
  site_traffic_.clear();
  for (const auto& site : snapshot_->sites->sites()) {
    if (site->index >= site_traffic_.size()) site_traffic_.resize(site->index + 1);
    site_traffic_[site->index] = &traffic_.site(site->name);
  }
}

std::shared_ptr<net::TlsClientContext> Worker::tls_client(const net::TlsClientSettings& settings,
                                                          const std::string& identity) {
  auto& context = tls_clients_[identity];
  if (context == nullptr) {
    auto built = net::TlsClientContext::build(settings);
    if (built) context = std::move(*built);
    if (!built) parts_.log.error("tls_failed", {{"context", std::string_view(built.error().context)}});
  }
  return context;
}

cluster::RetryBudget& Worker::retry_budget(const std::string& upstream) {
  const auto found = retry_budgets_.find(upstream);
  if (found != retry_budgets_.end()) return found->second;
  cluster::RetryBudgetOptions options = snapshot_->exchange.retry_budget;
  options.workers = parts_.workers;
  return retry_budgets_.try_emplace(upstream, options).first->second;
}

void Worker::wake() {
  loop_.post(net::make_task([this] { worker_fills_.run(); }));
}

void Worker::on_turn_end() { reader_.turn_end(); }

}  // namespace perigee::proxy
