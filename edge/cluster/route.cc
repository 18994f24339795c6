#include "edge/cluster/route.h"

namespace perigee::cluster {
namespace {

void add_owners_of_region(const Placement& placement, const HealthView& health, const RouteQuery& query,
                          Route& route) {
  for (const NodeIndex owner : placement.owners(placement.region_of(query.self), query.key_hash)) {
    if (owner == query.self || route.size() == region_targets_max) return;
    if (health.usable(owner)) route.add({Tier::region, owner});
  }
}

void add_shield_owner(const Placement& placement, const HealthView& health, const RouteQuery& query,
                      Route& route) {
  if (!query.shield || *query.shield == placement.region_of(query.self)) return;
  for (const NodeIndex owner : placement.owners(*query.shield, query.key_hash)) {
    if (!health.usable(owner)) continue;
    route.add({Tier::shield, owner});
    return;
  }
}

}  // namespace

Route plan(const Placement& placement, const HealthView& health, const RouteQuery& query) {
  Route route;
  const bool from_client = query.hop == 0;
  const bool may_ask_peers =
      from_client || (query.same_digest && query.tier == Tier::region && query.hop < hops_max);
  if (from_client) add_owners_of_region(placement, health, query, route);
  if (may_ask_peers) add_shield_owner(placement, health, query, route);
  route.add({Tier::origin, 0});
  return route;
}

}  // namespace perigee::cluster
