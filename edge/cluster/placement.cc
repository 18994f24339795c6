#include "edge/cluster/placement.h"

#include <algorithm>
#include <bit>

#include "edge/base/hash.h"

namespace perigee::cluster {
namespace {

__extension__ using Wide = unsigned __int128;

// One node's draws: a permutation of the slots, keyed by its name. Adding, multiplying by an odd number and
// folding the high half onto the low one can each be undone modulo a power of two, so no two slots draw the
// same number.
struct Drawer {
  Drawer(std::string_view name, NodeIndex node_index) : node(node_index) {
    const uint64_t a = hash64(name, 1);
    const uint64_t b = hash64(name, 2);
    start = static_cast<uint32_t>(a);
    factor[0] = static_cast<uint32_t>(a >> 32) | 1;
    factor[1] = static_cast<uint32_t>(b) | 1;
    factor[2] = static_cast<uint32_t>(b >> 32) | 1;
  }

  uint32_t draw(uint32_t slot, uint32_t mask, unsigned fold) const {
    uint32_t x = (slot + start) & mask;
    x ^= x >> fold;
    x = (x * factor[0]) & mask;
    x ^= x >> fold;
    x = (x * factor[1]) & mask;
    x ^= x >> fold;
    x = (x * factor[2]) & mask;
    return x ^ (x >> fold);
  }

  uint32_t start = 0;
  uint32_t factor[3] = {};
  NodeIndex node = 0;
};

// Nodes of one weight, in the order of their names. Among equals the lowest draw wins and no logarithm is
// needed.
struct Group {
  uint32_t weight = 1;
  std::vector<Drawer> drawers;
};

struct Candidate {
  uint64_t cost = UINT64_MAX;  // a draw, or its cost() where weights differ
  uint32_t weight = 1;
  NodeIndex node = 0;
};

using Best = std::array<Candidate, owners_max>;

std::vector<Group> group_by_weight(std::span<const PlacementTable::Member> members) {
  std::vector<PlacementTable::Member> sorted(members.begin(), members.end());
  std::sort(sorted.begin(), sorted.end(), [](const auto& a, const auto& b) {
    return a.weight != b.weight ? a.weight < b.weight : a.name < b.name;
  });
  std::vector<Group> groups;
  for (const auto& member : sorted) {
    if (groups.empty() || groups.back().weight != member.weight) groups.push_back({member.weight, {}});
    groups.back().drawers.emplace_back(member.name, member.node);
  }
  return groups;
}

// The lowest draws of a group, ties to the first name.
Best best_of_group(const Group& group, uint32_t slot, uint32_t mask, unsigned fold) {
  Best best;
  for (const Drawer& drawer : group.drawers) {
    const uint64_t draw = drawer.draw(slot, mask, fold);
    if (draw >= best[2].cost) continue;
    size_t at = 2;
    for (; at > 0 && draw < best[at - 1].cost; --at) best[at] = best[at - 1];
    best[at] = {draw, group.weight, drawer.node};
  }
  return best;
}

// -log2(numerator / 2^bits) with 40 fractional bits, for 0 < numerator < 2^bits: one bit of the logarithm per
// squaring.
uint64_t minus_log2(uint64_t numerator, unsigned bits) {
  const unsigned whole = static_cast<unsigned>(std::bit_width(numerator)) - 1;
  uint64_t x = numerator << (63 - whole);  // 1 <= x < 2, with 63 fractional bits
  uint64_t fraction = 0;
  for (int i = 0; i < 40; ++i) {
    const Wide square = static_cast<Wide>(x) * x;
    const bool carry = (square >> 127) != 0;
    x = static_cast<uint64_t>(square >> (carry ? 64 : 63));
    fraction = (fraction << 1) | (carry ? 1u : 0u);
  }
  return (static_cast<uint64_t>(bits) << 40) - ((static_cast<uint64_t>(whole) << 40) + fraction);
}

// cost[d] = -log2(u) for the draw d, u being the middle of the d-th highest of the equal parts of (0, 1). It
// rises with d. -log2(u) is exponentially distributed; the least of such costs divided by weights falls to
// each node in proportion to its weight.
std::vector<uint64_t> cost_table(uint32_t slots) {
  const unsigned bits = static_cast<unsigned>(std::bit_width(slots));  // of 2 * slots, less one
  std::vector<uint64_t> cost(slots);
  for (uint32_t d = 0; d < slots; ++d) cost[d] = minus_log2(2 * uint64_t{slots} - 2 * uint64_t{d} - 1, bits);
  return cost;
}

// cost / weight, compared without dividing: a cost has at most 45 bits, a weight 14. Equal quotients are left
// as they stand: the lighter group first.
bool cheaper(const Candidate& a, const Candidate& b) {
  if (b.cost == UINT64_MAX) return true;
  return a.cost * b.weight < b.cost * a.weight;
}

void merge(Best& best, const Best& group, const std::vector<uint64_t>& cost) {
  for (Candidate candidate : group) {
    if (candidate.cost == UINT64_MAX) return;
    candidate.cost = cost[candidate.cost];
    if (!cheaper(candidate, best[2])) return;
    size_t at = 2;
    for (; at > 0 && cheaper(candidate, best[at - 1]); --at) best[at] = best[at - 1];
    best[at] = candidate;
  }
}

}  // namespace

uint32_t default_slots(size_t nodes) {
  return static_cast<uint32_t>(std::bit_ceil(std::max<size_t>(1u << 18, 1024 * nodes)));
}

PlacementTable::PlacementTable(std::span<const Member> members, uint32_t slots)
    : rows_(slots),
      owners_per_slot_(std::min(members.size(), owners_max)),
      slot_shift_(65 - static_cast<unsigned>(std::bit_width(slots))) {
  const std::vector<Group> groups = group_by_weight(members);
  const std::vector<uint64_t> cost = groups.size() > 1 ? cost_table(slots) : std::vector<uint64_t>();
  const unsigned fold = static_cast<unsigned>(std::bit_width(slots)) / 2;
  for (uint32_t slot = 0; slot < slots; ++slot) {
    Best best;
    if (groups.size() == 1) {
      best = best_of_group(groups[0], slot, slots - 1, fold);
    } else {
      for (const Group& group : groups) merge(best, best_of_group(group, slot, slots - 1, fold), cost);
    }
    for (size_t i = 0; i < owners_max; ++i) rows_[slot][i] = best[i].node;
  }
}

std::shared_ptr<const Placement> Placement::build(const Topology& topology) {
  auto placement = std::make_shared<Placement>();
  std::vector<std::vector<PlacementTable::Member>> members(topology.regions.size());
  for (size_t i = 0; i < topology.nodes.size(); ++i) {
    const NodeInfo& node = topology.nodes[i];
    const RegionIndex region = *topology.find_region(node.region);
    placement->region_of_.push_back(region);
    members[region].push_back({node.name, node.weight, static_cast<NodeIndex>(i)});
  }
  placement->regions_.reserve(members.size());
  for (size_t i = 0; i < members.size(); ++i) {
    const uint32_t chosen = topology.regions[i].slots;
    placement->regions_.emplace_back(members[i], chosen != 0 ? chosen : default_slots(members[i].size()));
  }
  return placement;
}

}  // namespace perigee::cluster
