#include "edge/node_snapshot.h"

#include "edge/cluster/peer_envelope.h"

namespace perigee {

namespace {

// A node without a topology is a cluster of one: the same code, an empty choice.
cluster::Topology topology_of_one(const std::string& name) {
  cluster::Topology topology;
  topology.regions.push_back({"local", cluster::slots_min, ""});
  cluster::NodeInfo self;
  self.name = name;
  self.region = "local";
  self.client_address = "127.0.0.1:1";  // nobody asks it: there are no peers
  topology.nodes.push_back(self);
  return topology;
}

proxy::ExchangeOptions exchange_options(const control::Config& config) {
  proxy::ExchangeOptions options;
  options.follower_wait_max = config.cache.follower_wait_max;
  options.fill_age_max = config.cache.fill_age_max;
  options.peer_answer_timeout = config.peers.first_answer_timeout;
  options.peer_idle_body_timeout = config.peers.idle_body_timeout;
  options.invalidation_wait = config.peers.invalidation_wait;
  options.hedging = config.peers.hedging;
  options.load_bound = config.peers.load_bound;
  options.peer_connect_timeout = config.peers.connect_timeout;
  options.peer_connect_timeout_far = config.peers.connect_across_timeout;
  options.peer_connections_max = config.peers.connections_max;
  options.peer_idle_connections_max = config.peers.idle_connections_max;
  options.retries_max = config.retries.max;
  options.retry_budget = config.retries.budget;
  return options;
}

void add_origins(proxy::OriginBook* book, proxy::Snapshot& snapshot) {
  proxy::OriginBook own_book(Random(0));
  if (book == nullptr) book = &own_book;
  for (const auto& site : snapshot.sites->sites()) {
    const proxy::OriginGroup& group = *site->origin;
    for (const proxy::OriginServer& server : group.servers) {
      auto& record = snapshot.origins[&server];
      if (record == nullptr) record = book->of(group.name, server.address(), group.health);
      if (!group.connections_adapt) record->limit.store(0, std::memory_order_relaxed);
    }
  }
}

}  // namespace

http::HeadLimits head_limits(const control::Config& config) {
  http::HeadLimits limits;
  limits.head_bytes_max = config.server.head_bytes_max;
  limits.fields_max = config.server.fields_max;
  limits.target_bytes_max = config.server.target_bytes_max;
  return limits;
}

Result<std::shared_ptr<const proxy::Snapshot>> build_snapshot(
    const std::shared_ptr<const control::Config>& from, const SnapshotInput& input) {
  const control::Config& config = *from;
  auto snapshot = std::make_shared<proxy::Snapshot>();
  snapshot->id = input.id;
  snapshot->config = from;
  snapshot->node_name = config.node.name;
  snapshot->sites = config.sites;
  snapshot->exchange = exchange_options(config);
  const bool alone = config.topology == nullptr;
  auto view = cluster::ClusterView::build(alone ? topology_of_one(config.node.name) : *config.topology,
                                          config.node.name, input.before.get());
  if (!view) return tl::unexpected(view.error());
  snapshot->cluster = *view;
  const MonoTime joined = input.now + config.peers.joining;
  snapshot->joining = input.before == nullptr ? cluster::Joining::started(joined)
                                              : input.joining.changed(input.before, **view, joined);
  cluster::PeerBook own_book;
  cluster::PeerBook& book = input.peers != nullptr ? *input.peers : own_book;
  for (const cluster::NodeInfo& node : snapshot->cluster->topology.nodes)
    snapshot->peers.push_back(book.of(node.name));
  add_origins(input.origins, *snapshot);
  snapshot->peer_keys = config.peer_keys;
  if (config.peers.tls.client != nullptr) {
    snapshot->peer_tls = config.peers.tls.client;
    snapshot->peer_tls_identity = net::identity_of(*snapshot->peer_tls);
  }
  cluster::PeerAnswerEnvelope answer;
  answer.digest = snapshot->cluster->digest;
  answer.draining = input.draining;
  snapshot->peer_answer_line =
      std::string(cluster::peer_field_name) + ": " + cluster::format(answer) + "\r\n";
  snapshot->cdn_id = config.node.cdn_id;
  if (snapshot->cdn_id.empty()) {
    snapshot->cdn_id = "perigee-" + snapshot->cluster->digest;
    if (alone) snapshot->cdn_id += "-" + config.node.name;
  }
  return std::shared_ptr<const proxy::Snapshot>(std::move(snapshot));
}

}  // namespace perigee
