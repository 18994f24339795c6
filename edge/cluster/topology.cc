#include "edge/cluster/topology.h"

#include <arpa/inet.h>

#include <algorithm>
#include <bit>
#include <unordered_map>
#include <unordered_set>

#include "edge/base/bytes.h"
#include "edge/base/hash.h"
#include "edge/base/quotes.h"

namespace perigee::cluster {
namespace {

tl::unexpected<Error> wrong(std::string_view code, std::string context) {
  return fail(Side::internal, code, std::move(context));
}

Result<void> check_name(std::string_view kind, const std::string& name,
                        std::unordered_set<std::string>& seen) {
  if (!is_name(name)) {
    return wrong("bad_name", std::string(kind) + " name " + in_quotes(name) +
                                 ": expected 1 to 63 lower-case letters, digits, '.', '_' or '-'");
  }
  if (!seen.insert(name).second) {
    return wrong("duplicate_name",
                 std::string(kind) + " " + in_quotes(name) + " is listed twice: expected different names");
  }
  return {};
}

struct ParsedAddress {
  bool loopback = false;
  bool any = false;
};

std::optional<ParsedAddress> parse_ip(const std::string& ip) {
  in_addr v4{};
  if (inet_pton(AF_INET, ip.c_str(), &v4) == 1) {
    const uint32_t value = ntohl(v4.s_addr);
    return ParsedAddress{value >> 24 == 127, value == 0};
  }
  in6_addr v6{};
  if (inet_pton(AF_INET6, ip.c_str(), &v6) != 1) return std::nullopt;
  const bool zero_but_last = std::all_of(v6.s6_addr, v6.s6_addr + 15, [](uint8_t byte) { return byte == 0; });
  return ParsedAddress{zero_but_last && v6.s6_addr[15] == 1, zero_but_last && v6.s6_addr[15] == 0};
}

std::optional<ParsedAddress> parse_address(std::string_view text) {
  const size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return std::nullopt;
  const auto port = parse_decimal(text.substr(colon + 1));
  if (!port || *port == 0 || *port > 65535) return std::nullopt;
  std::string_view ip = text.substr(0, colon);
  const bool bracketed = ip.size() >= 2 && ip.front() == '[' && ip.back() == ']';
  if (bracketed) ip = ip.substr(1, ip.size() - 2);
  if (bracketed != (ip.find(':') != std::string_view::npos)) return std::nullopt;
  return parse_ip(std::string(ip));
}

Result<void> check_addresses(const NodeInfo& node, bool alone) {
  const std::pair<std::string_view, const std::string*> all[] = {{"client", &node.client_address},
                                                                 {"peer", &node.peer_address},
                                                                 {"admin", &node.admin_address},
                                                                 {"health", &node.health_address}};
  std::unordered_set<std::string> seen;
  for (const auto& [kind, address] : all) {
    const bool optional = kind == "admin" || kind == "health" || (kind == "peer" && alone);
    if (optional && address->empty()) continue;
    const std::string where = "node " + in_quotes(node.name) + ": " + std::string(kind) + " address ";
    if (!parse_address(*address)) {
      return wrong("bad_address",
                   where + in_quotes(*address) + ": expected ip:port or [ip6]:port, port 1 to 65535");
    }
    if (!seen.insert(*address).second) {
      return wrong("duplicate_address", where + *address + " is already another listener of this node");
    }
  }
  return {};
}

Result<void> check_peer_address(const NodeInfo& node, bool beyond_loopback,
                                std::unordered_map<std::string, std::string>& owner_of) {
  if (node.peer_address.empty()) return {};
  const std::string where = "node " + in_quotes(node.name) + ": peer address " + node.peer_address;
  const auto address = parse_address(node.peer_address);
  if (address->any) {
    return wrong("bad_address", where + ": expected an address that peers can connect to, not the wildcard");
  }
  const auto [other, fresh] = owner_of.emplace(node.peer_address, node.name);
  if (!fresh) return wrong("duplicate_address", where + " is also that of node " + in_quotes(other->second));
  if (!address->loopback && !beyond_loopback) {
    return wrong("insecure_peers", where + " is not loopback: without mTLS that needs insecure_peers = true");
  }
  return {};
}

Result<void> check_regions(const Topology& topology) {
  if (topology.regions.size() > regions_max) {
    return wrong("too_many_regions", "found " + std::to_string(topology.regions.size()) +
                                         " regions, expected at most " + std::to_string(regions_max));
  }
  std::unordered_set<std::string> names;
  for (const RegionInfo& region : topology.regions) {
    if (auto checked = check_name("region", region.name, names); !checked) return checked;
    if (region.slots != 0 &&
        (!std::has_single_bit(region.slots) || region.slots < slots_min || region.slots > slots_max)) {
      return wrong("bad_slots", "region " + in_quotes(region.name) + ": slots " +
                                    std::to_string(region.slots) + ": expected a power of two from " +
                                    std::to_string(slots_min) + " to " + std::to_string(slots_max) +
                                    ", or 0 for the default");
    }
  }
  return {};
}

Result<void> check_nodes(const Topology& topology) {
  if (topology.nodes.empty()) return wrong("no_nodes", "found no node, expected at least one");
  if (topology.nodes.size() > nodes_max) {
    return wrong("too_many_nodes", "found " + std::to_string(topology.nodes.size()) +
                                       " nodes, expected at most " + std::to_string(nodes_max));
  }
  std::unordered_set<std::string> names;
  std::unordered_map<std::string, std::string> peers;
  const bool permitted = topology.insecure_peers || topology.peers_have_certificates;
  for (const NodeInfo& node : topology.nodes) {
    if (auto checked = check_name("node", node.name, names); !checked) return checked;
    if (!topology.find_region(node.region)) {
      return wrong("unknown_region", "node " + in_quotes(node.name) + ": region " + in_quotes(node.region) +
                                         " is not one of the topology's regions");
    }
    if (node.weight == 0 || node.weight > weight_max) {
      return wrong("bad_weight", "node " + in_quotes(node.name) + ": weight " + std::to_string(node.weight) +
                                     ": expected 1 to " + std::to_string(weight_max));
    }
    if (auto checked = check_addresses(node, topology.nodes.size() == 1); !checked) return checked;
    if (auto checked = check_peer_address(node, permitted, peers); !checked) return checked;
  }
  return {};
}

Result<void> check_peer_keys(const Topology& topology) {
  const auto& keys = topology.peer_keys;
  if (keys.size() > 2) {
    return wrong("bad_peer_keys",
                 "found " + std::to_string(keys.size()) + " peer keys, expected at most two");
  }
  for (const PeerKeyInfo& key : keys) {
    if (!is_name(key.id))
      return wrong("bad_peer_keys", "peer key id " + in_quotes(key.id) + ": expected a name");
    if (key.secret_file.empty()) {
      return wrong("bad_peer_keys",
                   "peer key " + in_quotes(key.id) + ": expected the file that holds its secret");
    }
  }
  if (keys.size() == 2 && keys[0].id == keys[1].id) {
    return wrong("bad_peer_keys",
                 "peer key " + in_quotes(keys[0].id) + " is listed twice: expected different ids");
  }
  return {};
}

template <typename Info>
std::optional<uint16_t> find_by_name(const std::vector<Info>& list, std::string_view name) {
  for (size_t i = 0; i < list.size(); ++i) {
    if (list[i].name == name) return static_cast<uint16_t>(i);
  }
  return std::nullopt;
}

std::string hex16(uint64_t value) {
  std::string text(16, '0');
  for (size_t i = 0; i < 16; ++i) text[15 - i] = "0123456789abcdef"[(value >> (4 * i)) & 15];
  return text;
}

}  // namespace

bool is_name(std::string_view text) {
  if (text.empty() || text.size() > name_bytes_max) return false;
  return std::all_of(text.begin(), text.end(), [](char c) {
    return is_digit(c) || (c >= 'a' && c <= 'z') || c == '.' || c == '_' || c == '-';
  });
}

std::optional<NodeIndex> Topology::find_node(std::string_view name) const {
  return find_by_name(nodes, name);
}

std::optional<RegionIndex> Topology::find_region(std::string_view name) const {
  return find_by_name(regions, name);
}

Result<void> validate(const Topology& topology) {
  if (auto checked = check_regions(topology); !checked) return checked;
  if (auto checked = check_nodes(topology); !checked) return checked;
  if (auto checked = check_peer_keys(topology); !checked) return checked;
  if (!topology.purge_log.empty() && !topology.find_node(topology.purge_log)) {
    return wrong("unknown_purge_log",
                 "purge_log " + in_quotes(topology.purge_log) + " is not one of the nodes");
  }
  return {};
}

// Names hold no space and no line feed, so the lines cannot be read in two ways.
std::string membership_digest(const Topology& topology) {
  std::vector<std::string> lines;
  lines.reserve(topology.regions.size() + topology.nodes.size());
  for (const RegionInfo& region : topology.regions) {
    lines.push_back("region " + region.name + ' ' + std::to_string(region.slots) + '\n');
  }
  for (const NodeInfo& node : topology.nodes) {
    lines.push_back("node " + node.name + ' ' + node.region + ' ' + std::to_string(node.weight) + '\n');
  }
  std::sort(lines.begin(), lines.end());
  std::string text = "perigee placement 1\n";
  for (const std::string& line : lines) text += line;
  return hex16(hash64(text));
}

}  // namespace perigee::cluster
