// Which nodes own a key: weighted rendezvous hashing (Thaler, Ravishankar 1998; weights after Mosko 2014),
// worked out once for every slot of a table, so that a look-up is one load.
//
// A key belongs to a slot; in every slot each node of the region draws one number, and the three best draws,
// in order, are the slot's owners. That order is also the order of failover, hedging and spreading.
// Immutable; built off the request path and swapped whole through std::shared_ptr. Thread rule: const methods
// may be called from any thread.
//
// Always true:
// - The table depends on nothing but the names, weights and slots of one region: not on the order of nodes,
// their
//   addresses, the machine or its floating point. Draws are integers; the logarithm that weights them is
//   fixed point.
// - A node's draws do not depend on the other nodes. So when a node leaves, only slots it owned change, and
// when one joins
//   it only takes; a change of weight moves only slots to or from that node.
// - Shares follow the weights. A node's draws are a permutation of 0..slots-1 keyed by its name, not
// independent
//   numbers, which halves the variance of its share.
//
// A change of the number of slots moves nearly every key. The default does so where a region grows past 256,
// 512, 1,024 or 2,048 nodes; who expects to cross one of these sets RegionInfo::slots beforehand.
//
// It knows nothing of health or load: see route.h.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "edge/cluster/topology.h"

namespace perigee::cluster {

inline constexpr size_t owners_max = 3;

// Slots of a region of that many nodes: the least power of two with 1,024 a node, and 262,144 at least, which
// keeps the shares of up to 50 nodes within 3 % of their weights and the first step out of most clusters'
// way.
uint32_t default_slots(size_t nodes);

// One region's table. Costs 6 bytes a slot.
class PlacementTable {
 public:
  struct Member {
    std::string_view name;  // read during build only
    uint32_t weight = 1;    // 1..weight_max
    NodeIndex node = 0;
  };

  // Slots: a power of two, slots_min..slots_max. Names are unique. Takes 4 ns per slot and member: 1 s for
  // 500 nodes.
  PlacementTable(std::span<const Member> members, uint32_t slots);

  // Best first; as many as there are members, up to three. The hash is of the primary cache key, with all 64
  // bits used; it is mixed again here, so the same hash may pick a bucket elsewhere without the buckets of an
  // owner clustering.
  std::span<const NodeIndex> owners(uint64_t key_hash) const {
    return {rows_[(key_hash * slot_multiplier) >> slot_shift_].data(), owners_per_slot_};
  }
  std::span<const NodeIndex> owners_of_slot(uint32_t slot) const {
    return {rows_[slot].data(), owners_per_slot_};
  }
  uint32_t slots() const { return static_cast<uint32_t>(rows_.size()); }

 private:
  static constexpr uint64_t slot_multiplier = 0x9e3779b97f4a7c15;  // 2^64 / golden ratio (Knuth, TAOCP 6.4)

  std::vector<std::array<NodeIndex, owners_max>> rows_;
  size_t owners_per_slot_ = 0;
  unsigned slot_shift_ = 0;
};

// The tables of all regions of one topology.
class Placement {
 public:
  // The topology must have passed validate().
  static std::shared_ptr<const Placement> build(const Topology& topology);

  // Empty for a region without nodes.
  std::span<const NodeIndex> owners(RegionIndex region, uint64_t key_hash) const {
    return regions_[region].owners(key_hash);
  }
  RegionIndex region_of(NodeIndex node) const { return region_of_[node]; }
  size_t nodes() const { return region_of_.size(); }
  size_t regions() const { return regions_.size(); }
  const PlacementTable& table(RegionIndex region) const { return regions_[region]; }

 private:
  std::vector<PlacementTable> regions_;
  std::vector<RegionIndex> region_of_;
};

}  // namespace perigee::cluster
