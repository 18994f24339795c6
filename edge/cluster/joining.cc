#include "edge/cluster/joining.h"

namespace perigee::cluster {

Joining Joining::started(MonoTime until) {
  Joining joining;
  joining.started_until_ = until;
  return joining;
}

Joining Joining::changed(std::shared_ptr<const ClusterView> before, const ClusterView& now,
                         MonoTime until) const {
  Joining joining = *this;
  const std::string& region = now.topology.regions[now.own_region()].name;
  // Positions of what is kept from an earlier change must be those of this view.
  if (before->placement != now.placement) {
    joining.before_ = std::move(before);
    joining.changed_until_ = until;
  }
  if (joining.before_ == nullptr) return joining;
  const Topology& old = joining.before_->topology;
  joining.region_before_ = old.find_region(region);
  joining.index_now_.clear();
  for (const NodeInfo& node : old.nodes) joining.index_now_.push_back(now.topology.find_node(node.name));
  return joining;
}

std::optional<NodeIndex> Joining::previous_owner(const ClusterView& now, uint64_t key_hash,
                                                 MonoTime at) const {
  const auto owners = now.placement->owners(now.own_region(), key_hash);
  if (owners.empty() || owners[0] != now.self) return std::nullopt;
  if (before_ != nullptr && at < changed_until_ && region_before_) {
    const auto before = before_->placement->owners(*region_before_, key_hash);
    const auto owner = before.empty() ? std::nullopt : index_now_[before[0]];
    if (owner && *owner != now.self) return owner;
  }
  if (at < started_until_ && owners.size() > 1) return owners[1];
  return std::nullopt;
}

}  // namespace perigee::cluster
