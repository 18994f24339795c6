// The static description of a cluster: regions, nodes, their weights and addresses. The same file on every
// node fills it.
//
// edge/control reads topology.toml into a Topology and validates it once; after that it is held through
// std::shared_ptr<const Topology> inside a ClusterView. Thread rule: built by one thread, then read by all.
// Always true after validate(): names are unique, every node names a known region, every weight is in range,
// every peer address is a different one that a peer can connect to. It does not say who is alive
// (peer_health.h) nor who owns a key (placement.h), and it opens no socket: addresses are text.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "edge/base/result.h"

namespace perigee::cluster {

// Positions in Topology::nodes and Topology::regions. They mean something only together with that Topology;
// across two topologies, and between machines, a node is its name.
using NodeIndex = uint16_t;
using RegionIndex = uint16_t;

inline constexpr size_t nodes_max = 4096;
inline constexpr size_t regions_max = 256;
inline constexpr size_t name_bytes_max = 63;
inline constexpr uint32_t weight_max = 10'000;
inline constexpr uint32_t slots_min = 256;
inline constexpr uint32_t slots_max = 1u << 23;

// Names of nodes and regions and ids of keys: 1 to name_bytes_max lower-case letters, digits, '.', '_' and
// '-'.
bool is_name(std::string_view text);

struct NodeInfo {
  std::string name;
  std::string region;
  std::string client_address;  // every address is "ip:port" or "[ip6]:port"
  std::string peer_address;    // may be empty in a cluster of one
  std::string admin_address;   // may be empty: no such listener
  std::string health_address;  // may be empty
  uint32_t weight = 1;         // its share within the region, 1..weight_max
};

struct RegionInfo {
  std::string name;
  uint32_t slots = 0;         // of its placement table: a power of two, or 0 for the default of placement.h
  std::string location = {};  // "latitude, longitude" in degrees, for DNS and maps; may be empty
};

// A shared secret of the cluster. The secret itself stays in its file and never in a Topology.
struct PeerKeyInfo {
  std::string id;
  std::string secret_file;
};

struct Topology {
  std::vector<RegionInfo> regions;
  std::vector<NodeInfo> nodes;
  std::vector<PeerKeyInfo> peer_keys;  // at most two; the first signs, both are accepted
  std::string purge_log;        // name of the node that orders purges; may be empty: purges are refused
  bool insecure_peers = false;  // permits peer addresses beyond loopback without mTLS
  bool peers_have_certificates = false;  // mTLS: this node's file says it, not the topology's

  std::optional<NodeIndex> find_node(std::string_view name) const;
  std::optional<RegionIndex> find_region(std::string_view name) const;
};

// The first thing that is wrong. Errors, all with side internal and a context that names the offender and
// what was expected: no_nodes, too_many_nodes, too_many_regions, bad_name, duplicate_name, unknown_region,
// bad_weight, bad_slots, bad_address, duplicate_address, insecure_peers, bad_peer_keys, unknown_purge_log.
Result<void> validate(const Topology& topology);

// Sixteen lower-case hexadecimal digits over what decides placement: the regions and their slots, the nodes'
// names, regions and weights. The order of lines in the file does not matter, addresses and keys neither. Two
// nodes place alike if and (but for a collision of 64 bits) only if their digests are equal; nothing but
// equality means anything.
std::string membership_digest(const Topology& topology);

}  // namespace perigee::cluster
