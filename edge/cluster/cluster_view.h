// One node's picture of the cluster as of one configuration: the topology, the placement made of it, its
// digest, and who the node itself is.
//
// Thread rule: immutable. Built by edge/control when a configuration is read, off the request path;
// immutable, shared by all workers through std::shared_ptr<const ClusterView> and swapped whole. Node and
// region indices are good within one view only. Health is apart from it (peer_health.h), as it changes on its
// own.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "edge/base/result.h"
#include "edge/cluster/placement.h"
#include "edge/cluster/topology.h"

namespace perigee::cluster {

struct ClusterView {
  Topology topology;
  std::shared_ptr<const Placement> placement;
  std::string digest;  // membership_digest(topology)
  NodeIndex self = 0;

  // Validates and places. Takes up to a second for 500 nodes; where the digest is that of `before`, its
  // placement is used again if nodes and regions are also listed in the same order. Errors: those of
  // validate(), and unknown_self.
  static Result<std::shared_ptr<const ClusterView>> build(Topology topology, std::string_view self_name,
                                                          const ClusterView* before = nullptr);

  RegionIndex own_region() const { return placement->region_of(self); }
};

}  // namespace perigee::cluster
