// Where a request that the store cannot answer goes, in order of preference: owner in the region, next owner,
// owner in the site's shield region, origin.
//
// Pure; thread rule: none. Always true of a plan:
// - It ends with the origin, holds at most four targets and no node twice, and never this node.
// - A node asked by a peer asks no node of its own region on that peer's behalf, and a tier only leads to a
// later tier
//   (region -> shield -> origin). So a request crosses at most hops_max arrows whatever the nodes believe of
//   each other.
// - Between nodes of different membership digests there is no second arrow: the asked one serves or asks the
// origin.
// - Ejected and draining peers are passed over. With no peer left the origin remains.
// - An owner above the load bound gives way to the next (peer_loads.h), and keys that are spread go to the
//   less busy of the first two. This changes the order among those who may be asked, or makes this node the
//   one that fetches; it adds nobody.
//
// It is for requests that may be collapsed and stored: unsafe methods, bypass and known hit-for-miss keys go
// from the receiving node straight to the origin without asking here. It looks at no budgets.
#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "edge/cluster/peer_envelope.h"
#include "edge/cluster/peer_health.h"
#include "edge/cluster/peer_loads.h"
#include "edge/cluster/placement.h"

namespace perigee::cluster {

inline constexpr size_t targets_max = 4;
inline constexpr size_t region_targets_max = 2;

struct RouteQuery {
  NodeIndex self = 0;
  uint64_t key_hash = 0;              // of the primary cache key
  std::optional<RegionIndex> shield;  // the site's shield region
  unsigned hop = 0;                   // from the envelope; 0: asked by a client
  Tier tier = Tier::region;           // from the envelope; looked at only if hop is above 0
  bool same_digest = true;  // the asker's membership digest is ours; looked at only if hop is above 0
  bool spread = false;      // so many ask for it that its first two owners share it
  bool coin = false;        // spread: which of two that are equally busy, at random
};

struct Target {
  Tier tier = Tier::origin;
  NodeIndex node = 0;  // meaningless for Tier::origin

  bool operator==(const Target&) const = default;
};

class Route {
 public:
  void add(Target target) { targets_[count_++] = target; }

  size_t size() const { return count_; }
  const Target& operator[](size_t i) const { return targets_[i]; }
  Target& operator[](size_t i) { return targets_[i]; }
  void clear() { count_ = 0; }
  const Target* begin() const { return targets_.data(); }
  const Target* end() const { return targets_.data() + count_; }

 private:
  std::array<Target, targets_max> targets_{};
  size_t count_ = 0;
};

// The owner that was passed over because it is busy; for counting.
struct RouteNotes {
  std::optional<NodeIndex> skipped;
};

// A target's Tier is what the envelope to it says; its hop is the query's plus one.
//
// In its own region a client's request goes to at most two owners: those that come before this node in the
// slot's order. If this node is the first usable owner, it acts as the owner and goes on to the shield or the
// origin. In the shield region only the first usable owner is asked; if this node lies in the shield region
// there is no such step. loads may be null: everybody is idle. notes may be null.
Route plan(const Placement& placement, const HealthView& health, const RouteQuery& query,
           const PeerLoads* loads = nullptr, RouteNotes* notes = nullptr);

// A peer request that says more hops than a cluster like this makes must be refused, not served: somebody
// loops.
constexpr bool hop_allowed(unsigned hop) { return hop <= hops_max; }

}  // namespace perigee::cluster
