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

void add_servers(RoutePlan& plan, std::vector<const OriginServer*> servers, uint32_t turn) {
  if (servers.empty()) return;
  const auto first = static_cast<std::ptrdiff_t>(server_of_turn(servers, turn));
  std::rotate(servers.begin(), servers.begin() + first, servers.end());
  for (const OriginServer* server : servers) plan.targets.push_back({cluster::Tier::origin, 0, server});
}

void add_origin(Worker& worker, const Snapshot& snapshot, const OriginGroup& group, RoutePlan& plan) {
  std::vector<const OriginServer*> usual;
  std::vector<const OriginServer*> backup;
  for (const OriginServer& server : group.servers) (server.backup ? backup : usual).push_back(&server);
  const uint32_t turn = worker.rotation(group.name)++;
  const size_t peers = plan.targets.size();
  add_servers(plan, std::move(usual), turn);
  add_servers(plan, std::move(backup), turn);
  if (plan.targets.size() - peers > 1) return;
  for (uint32_t i = 0; i < snapshot.exchange.retries_max; ++i) plan.targets.push_back(plan.targets.back());
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
    if (!site.shield_region.empty()) query.shield = view.topology.find_region(site.shield_region);
    for (const cluster::Target& target : cluster::plan(*view.placement, worker.health(), query)) {
      if (target.tier != cluster::Tier::origin) plan.targets.push_back({target.tier, target.node, nullptr});
    }
  }
  add_origin(worker, snapshot, *site.origin, plan);
  return plan;
}

}  // namespace perigee::proxy
