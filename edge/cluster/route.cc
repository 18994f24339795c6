#include "edge/cluster/route.h"

#include <utility>

namespace perigee::cluster {
namespace {

// True: this node comes next among the owners.
bool add_owners_of_region(const Placement& placement, const HealthView& health, const RouteQuery& query,
                          Route& route) {
  for (const NodeIndex owner : placement.owners(placement.region_of(query.self), query.key_hash)) {
    if (owner == query.self) return true;
    if (route.size() == region_targets_max) return false;
    if (health.usable(owner)) route.add({Tier::region, owner});
  }
  return false;
}

// The two choices of a key that is spread (Mitzenmacher 2001).
void choose_of_two(const PeerLoads& loads, bool coin, Route& route) {
  const double first = loads.load(route[0].node);
  const double second = loads.load(route[1].node);
  if (second < first || (second == first && coin)) std::swap(route[0], route[1]);
}

void bound_load(const PeerLoads& loads, bool self_is_next, Route& route, RouteNotes* notes) {
  if (!loads.above_bound(route[0].node)) return;
  if (route.size() == 1 && !self_is_next) return;
  if (route.size() > 1 && loads.above_bound(route[1].node)) return;
  if (notes != nullptr) notes->skipped = route[0].node;
  if (route.size() > 1) {
    std::swap(route[0], route[1]);
  } else {
    route.clear();
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

Route plan(const Placement& placement, const HealthView& health, const RouteQuery& query,
           const PeerLoads* loads, RouteNotes* notes) {
  Route route;
  const bool from_client = query.hop == 0;
  const bool may_ask_peers =
      from_client || (query.same_digest && query.tier == Tier::region && query.hop < hops_max);
  const bool self_is_next = from_client && add_owners_of_region(placement, health, query, route);
  if (loads != nullptr && query.spread && route.size() > 1) choose_of_two(*loads, query.coin, route);
  if (loads != nullptr && route.size() > 0) bound_load(*loads, self_is_next, route, notes);
  if (may_ask_peers) add_shield_owner(placement, health, query, route);
  route.add({Tier::origin, 0});
  return route;
}

}  // namespace perigee::cluster
