#include "edge/proxy/route_plan.h"

#include <algorithm>

#include "edge/proxy/worker.h"

namespace perigee::proxy {

namespace {

// Smooth enough for a plan: the turn counter walks over the servers, each as often as its weight.
size_t server_of_turn(const std::vector<const OriginServer*>& servers, uint32_t turn) {
  uint32_t total = 0;
  for (const OriginServer* server : servers) total += server->weight;
  uint32_t place = turn % total;
  for (size_t i = 0; i < servers.size(); ++i) {
    if (place < servers[i]->weight) return i;
    place -= servers[i]->weight;
  }
  return 0;
}

// Who has just come back gives some of its turns to the next.
size_t first_of_turn(const Snapshot& snapshot, const std::vector<const OriginServer*>& servers, uint32_t turn,
                     MonoTime now) {
  const size_t first = server_of_turn(servers, turn);
  for (size_t i = 0; i + 1 < servers.size(); ++i) {
    const size_t at = (first + i) % servers.size();
    if (snapshot.origin(*servers[at])->with([&](auto& health) { return health.keeps_turn(now); })) return at;
  }
  return servers.size() > 1 ? (first + servers.size() - 1) % servers.size() : first;
}

void add_servers(const Snapshot& snapshot, RoutePlan& plan, std::vector<const OriginServer*> servers,
                 uint32_t turn, MonoTime now) {
  if (servers.empty()) return;
  const auto first = static_cast<std::ptrdiff_t>(first_of_turn(snapshot, servers, turn, now));
  std::rotate(servers.begin(), servers.begin() + first, servers.end());
  for (const OriginServer* server : servers) plan.targets.push_back({cluster::Tier::origin, 0, server});
}

// Whom probes or a breaker have taken out comes last: it is asked only when nobody else is left, and then the
// breaker has a word of its own.
void add_origin(Worker& worker, const Snapshot& snapshot, const OriginGroup& group, RoutePlan& plan) {
  std::vector<const OriginServer*> usual;
  std::vector<const OriginServer*> backup;
  std::vector<const OriginServer*> out;
  const MonoTime now = worker.loop().now();
  for (const OriginServer& server : group.servers) {
    const bool usable = snapshot.origin(server)->with([&](auto& health) { return health.usable(now); });
    (!usable ? out : server.backup ? backup : usual).push_back(&server);
  }
  const uint32_t turn = worker.rotation(group.name)++;
  const size_t peers = plan.targets.size();
  add_servers(snapshot, plan, std::move(usual), turn, now);
  add_servers(snapshot, plan, std::move(backup), turn, now);
  add_servers(snapshot, plan, std::move(out), turn, now);
  if (plan.targets.size() - peers > 1) return;
  for (uint32_t i = 0; i < snapshot.exchange.retries_max; ++i) plan.targets.push_back(plan.targets.back());
}

// An owner that would fetch, for a client or a peer that sees the cluster as it does.
bool may_ask_previous_owner(const RouteRequest& request) {
  return request.hop == 0 || (request.tier == cluster::Tier::region && request.digest_agrees) ||
         (request.tier == cluster::Tier::shield && request.digest_agrees);
}

// An owner that drains has everything still, and whoever stands in for it nothing.
std::optional<cluster::NodeIndex> draining_owner(const cluster::ClusterView& view,
                                                 const cluster::HealthView& health, uint64_t key_hash) {
  for (const cluster::NodeIndex owner : view.placement->owners(view.own_region(), key_hash)) {
    if (owner == view.self) break;
    if (health.state(owner) == cluster::PeerState::draining) return owner;
  }
  return std::nullopt;
}

void add_previous_owner(Worker& worker, const Snapshot& snapshot, const RouteRequest& request,
                        RoutePlan& plan) {
  if (!plan.targets.empty() && plan.targets.front().tier == cluster::Tier::region) return;
  if (!may_ask_previous_owner(request)) return;
  const cluster::ClusterView& view = *snapshot.cluster;
  auto owner = snapshot.joining.previous_owner(view, request.key_hash, worker.loop().now());
  if (!owner) owner = draining_owner(view, worker.health(), request.key_hash);
  if (!owner || worker.health().state(*owner) == cluster::PeerState::ejected) return;
  // Who asks has looked already.
  if (request.hop > 0 && view.topology.nodes[*owner].name == request.asker) return;
  plan.targets.insert(plan.targets.begin(), {cluster::Tier::region, *owner, nullptr, true, true});
}

// Hedges go to the owners of the region only, in their order.
void choose_hedge(Worker& worker, const Snapshot& snapshot, uint64_t key_hash, RoutePlan& plan) {
  if (plan.targets.empty() || plan.targets.front().tier != cluster::Tier::region) return;
  const cluster::ClusterView& view = *snapshot.cluster;
  for (const cluster::NodeIndex owner : view.placement->owners(view.own_region(), key_hash)) {
    if (owner == view.self || owner == plan.targets.front().node || !worker.health().usable(owner)) continue;
    plan.hedge = owner;
    return;
  }
}

}  // namespace

RoutePlan plan_route(Worker& worker, const Snapshot& snapshot, const Site& site,
                     const RouteRequest& request) {
  RoutePlan plan;
  if (!request.straight_to_origin && snapshot.has_peers()) {
    const cluster::ClusterView& view = *snapshot.cluster;
    cluster::RouteQuery query;
    query.self = view.self;
    query.key_hash = request.key_hash;
    query.hop = request.hop;
    query.tier = request.tier;
    query.same_digest = request.digest_agrees;
    query.spread = request.spread;
    query.coin = request.spread && worker.loop().random().next() % 2 == 0;
    if (!site.shield_region.empty()) query.shield = view.topology.find_region(site.shield_region);
    const SnapshotLoads loads(worker, snapshot);
    cluster::RouteNotes notes;
    for (const cluster::Target& target :
         cluster::plan(*view.placement, worker.health(), query, &loads, &notes)) {
      if (target.tier != cluster::Tier::origin) plan.targets.push_back({target.tier, target.node, nullptr});
    }
    if (notes.skipped) {
      worker.metrics().add(Metric::peer_load_skips);
      snapshot.peers[*notes.skipped]->load_skips.fetch_add(1, std::memory_order_relaxed);
    }
    choose_hedge(worker, snapshot, request.key_hash, plan);
    add_previous_owner(worker, snapshot, request, plan);
  }
  add_origin(worker, snapshot, *site.origin, plan);
  return plan;
}

}  // namespace perigee::proxy
