// Where a fetch asks, in order: peers by the cluster's route, then the servers of the site's origin group.
//
// Thread rule: the worker's loop; counts what it passes over.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "edge/cluster/route.h"
#include "edge/proxy/snapshot.h"

namespace perigee::proxy {

class Worker;

struct Target {
  cluster::Tier tier = cluster::Tier::origin;
  cluster::NodeIndex node = 0;           // a peer: region or shield
  const OriginServer* server = nullptr;  // origin; of the snapshot
  bool only_if_cached = false;           // a peer: asked for what it has stored, and for nothing else
  bool joining = false;                  // and that is because it was the owner before us

  bool is_origin() const { return tier == cluster::Tier::origin; }
};

struct RoutePlan {
  std::vector<Target> targets;  // never empty
  // Whom to ask while the first target is late: another owner of the region.
  std::optional<cluster::NodeIndex> hedge;
};

struct RouteRequest {
  uint64_t key_hash = 0;
  bool straight_to_origin = false;             // unsafe methods, bypass, hit-for-miss, upgrades
  unsigned hop = 0;                            // arrows between nodes so far; 0: from a client
  cluster::Tier tier = cluster::Tier::region;  // as what a peer asked us; hop above 0 only
  bool digest_agrees = true;                   // false: the peer that asked sees another membership
  std::string_view asker = {};                 // that peer's name; hop above 0 only
  bool spread = false;                         // its first two owners share it
};

// Servers of a group take turns by weight; backup servers come after all others, and after these whoever
// probes or its breaker have taken out (cluster/origin_health.h). A group of one server is listed once more
// for every retry allowed. An owner that has just become one first asks who was it before for what that one
// has stored (cluster/joining.h), and so does who stands in for an owner that drains; not when that one is
// who asks.
RoutePlan plan_route(Worker& worker, const Snapshot& snapshot, const Site& site, const RouteRequest& request);

}  // namespace perigee::proxy
