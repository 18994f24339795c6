// Who owned a key before this node did, while that is new: a node that has just become an owner asks that one
// first, with only-if-cached, so that joining does not send a region's traffic to the origin.
//
// There are two ways of becoming an owner. A node that starts has come back or is new: what is its slot's was
// the second owner's, because the order of the others does not depend on it (placement.h). And after a reload
// with another placement it was the owner's of the placement before.
//
// Thread rule: immutable; built on the control loop, then read by all.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "edge/base/clock.h"
#include "edge/cluster/cluster_view.h"

namespace perigee::cluster {

class Joining {
 public:
  Joining() = default;  // owner of everything it owns for ever

  // The node has started.
  static Joining started(MonoTime until);
  // `now` has come in the place of `before`; the same placement changes nothing.
  Joining changed(std::shared_ptr<const ClusterView> before, const ClusterView& now, MonoTime until) const;

  // Whom to ask about a key of the node's own region, of which it is the first owner by that view; nullopt:
  // nobody, or not any more. `now` is the view given to changed() last.
  std::optional<NodeIndex> previous_owner(const ClusterView& now, uint64_t key_hash, MonoTime at) const;

 private:
  MonoTime started_until_{};
  MonoTime changed_until_{};
  std::shared_ptr<const ClusterView> before_;
  std::optional<RegionIndex> region_before_;         // the node's own
  std::vector<std::optional<NodeIndex>> index_now_;  // by index before; nullopt: it is gone
};

}  // namespace perigee::cluster
