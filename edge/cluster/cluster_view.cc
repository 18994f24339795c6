#include "edge/cluster/cluster_view.h"

#include <algorithm>

namespace perigee::cluster {
namespace {

template <typename Info>
bool same_names(const std::vector<Info>& a, const std::vector<Info>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](const Info& x, const Info& y) { return x.name == y.name; });
}

bool places_alike(const ClusterView& a, const ClusterView& b) {
  return a.digest == b.digest && same_names(a.topology.nodes, b.topology.nodes) &&
         same_names(a.topology.regions, b.topology.regions);
}

}  // namespace

Result<std::shared_ptr<const ClusterView>> ClusterView::build(Topology topology, std::string_view self_name,
                                                              const ClusterView* before) {
  if (auto checked = validate(topology); !checked) return tl::unexpected(checked.error());
  const auto self = topology.find_node(self_name);
  if (!self) {
    return fail(
        Side::internal, "unknown_self",
        "this node is called \"" + std::string(self_name) + "\": expected one of the topology's nodes");
  }
  auto view = std::make_shared<ClusterView>();
  view->topology = std::move(topology);
  view->digest = membership_digest(view->topology);
  view->self = *self;
  const bool reuse = before != nullptr && places_alike(*before, *view);
  view->placement = reuse ? before->placement : Placement::build(view->topology);
  return std::shared_ptr<const ClusterView>(std::move(view));
}

}  // namespace perigee::cluster
