// Where a fetch asks, in order: peers by the cluster's route, then the servers of the site's origin group.
//
// Thread rule: pure but for the worker's rotation counters.
#pragma once

#include <cstdint>
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

  bool is_origin() const { return tier == cluster::Tier::origin; }
};

struct RoutePlan {
  std::vector<Target> targets;  // never empty
};

struct RouteRequest {
  uint64_t key_hash = 0;
  bool straight_to_origin = false;             // unsafe methods, bypass, hit-for-miss, upgrades
  unsigned hop = 0;                            // arrows between nodes so far; 0: from a client
  cluster::Tier tier = cluster::Tier::region;  // as what a peer asked us; hop above 0 only
  bool digest_agrees = true;                   // false: the peer that asked sees another membership
};

// Servers of a group take turns by weight; backup servers come after all others. A group of one server is
// listed once more for every retry allowed.
RoutePlan plan_route(Worker& worker, const Snapshot& snapshot, const Site& site, const RouteRequest& request);

}  // namespace perigee::proxy
