// The topology file: cluster, regions, nodes.
#include <algorithm>
#include <bit>
#include <cstdlib>
#include <map>

#include "edge/base/bytes.h"
#include "edge/control/config_parts.h"

namespace perigee::control {
namespace {

class TopologyReader {
 public:
  TopologyReader(net::Files& files, SectionReader& reader, std::vector<ConfigError>& warnings,
                 std::vector<ConfigEntry>& entries, TopologyUse use)
      : files_(files), reader_(reader), warnings_(warnings), entries_(entries), use_(use) {
    topology_.peers_have_certificates = use != TopologyUse::with_keys;
  }

  TopologyFile read(const TomlNode& root) {
    reader_.check_top_level(root, true);
    read_regions(root);
    const TomlNode* cluster = reader_.find_table(&root, Section::cluster);
    const auto values = reader_.read(Section::cluster, cluster, "cluster.");
    topology_.insecure_peers = values.get<bool>("insecure_peers");
    topology_.purge_log = values.get<std::string>("purge_log");
    read_nodes(root);
    read_keys(cluster);
    if (!topology_.purge_log.empty() && !topology_.find_node(topology_.purge_log)) {
      add(values, "purge_log", in_quotes(topology_.purge_log), "the name of a node");
    }
    out_.topology = std::make_shared<const cluster::Topology>(std::move(topology_));
    return std::move(out_);
  }

 private:
  void add(const SectionValues& values, std::string_view key, std::string_view found,
           std::string_view expected) {
    reader_.errors().add(values.place(key), values.full_key(key), found, expected);
  }

  // Names of nodes and regions are in lower case, so that two spellings cannot mean two nodes.
  std::string read_name(const SectionValues& values, std::string_view key) {
    const auto name = values.get<std::string>(key);
    const bool upper = std::any_of(name.begin(), name.end(), [](char c) { return c != to_lower(c); });
    if (upper) add(values, key, in_quotes(name), "a name in lower case");
    return name;
  }

  std::string read_location(const SectionValues& values) {
    const auto text = values.get<std::string>("location");
    if (text.empty()) return text;
    char* end = nullptr;
    const double latitude = std::strtod(text.c_str(), &end);
    const bool comma = *end == ',';
    const double longitude = comma ? std::strtod(end + 1, &end) : 0;
    const bool good =
        comma && *end == '\0' && latitude >= -90 && latitude <= 90 && longitude >= -180 && longitude <= 180;
    if (!good)
      add(values, "location", in_quotes(text), "\"latitude, longitude\" in degrees, such as \"50.1, 8.7\"");
    return good ? text : std::string();
  }

  void read_regions(const TomlNode& root) {
    for (const NamedTable& table : reader_.find_tables(&root, Section::region)) {
      const auto values = reader_.read(Section::region, table.node, table.prefix);
      cluster::RegionInfo region;
      region.name = read_name(values, "name");
      region.slots = static_cast<uint32_t>(values.get<int64_t>("slots"));
      if (region.slots != 0 && !std::has_single_bit(region.slots)) {
        add(values, "slots", std::to_string(region.slots), "a power of two, or 0");
      }
      region.location = read_location(values);
      if (topology_.find_region(region.name))
        add(values, "name", "a second region of that name", "different names");
      topology_.regions.push_back(std::move(region));
    }
    regions_listed_ = !topology_.regions.empty();
  }

  void read_region_of(const SectionValues& values, cluster::NodeInfo& node) {
    node.region = read_name(values, "region");
    if (node.region.empty() || topology_.find_region(node.region)) return;
    if (!regions_listed_) {
      topology_.regions.push_back({node.region, 0, ""});
      return;
    }
    std::vector<std::string_view> known;
    for (const auto& region : topology_.regions) known.push_back(region.name);
    add(values, "region", in_quotes(node.region), "a [[region]] of this file: " + alternatives(known));
  }

  // Two listeners of one node need two addresses, and so do the peer listeners of two nodes; loopback and
  // wildcard addresses of other kinds may be the same on every machine.
  std::string read_address(const SectionValues& values, std::string_view key) {
    if (!values.has(key)) return "";
    const auto address = values.get<net::Address>(key);
    const std::string text = address.to_string();
    const bool peer = key == "peer";
    if (peer && is_wildcard(address)) {
      add(values, key, in_quotes(text), "an address that peers can connect to, not the wildcard");
      return text;
    }
    const auto other = listeners_.find(text);
    const auto peer_owner = peers_.find(text);
    if (other != listeners_.end()) {
      add(values, key, in_quotes(text) + ", which is also " + other->second, "every listener's own address");
    } else if (peer && peer_owner != peers_.end()) {
      add(values, key, in_quotes(text) + ", which is also " + peer_owner->second, "every peer's own address");
    }
    listeners_.emplace(text, values.full_key(key));
    if (peer) peers_.emplace(text, values.full_key(key));
    return text;
  }

  static bool is_wildcard(const net::Address& address) {
    return std::all_of(address.bytes.begin(), address.bytes.end(), [](uint8_t byte) { return byte == 0; });
  }

  void read_nodes(const TomlNode& root) {
    const auto tables = reader_.find_tables(&root, Section::topology_node);
    if (tables.empty() && reader_.errors().empty()) {
      reader_.errors().add({reader_.file(), 0, 0}, "node", "nothing", "at least one [[node]]");
    }
    for (const NamedTable& table : tables) read_node(table);
  }

  void read_node(const NamedTable& table) {
    const auto values = reader_.read(Section::topology_node, table.node, table.prefix);
    cluster::NodeInfo node;
    node.name = read_name(values, "name");
    if (!node.name.empty() && topology_.find_node(node.name)) {
      add(values, "name", "a second node of that name", "different names");
    }
    read_region_of(values, node);
    listeners_.clear();
    node.client_address = read_address(values, "client");
    node.peer_address = read_address(values, "peer");
    node.admin_address = read_address(values, "admin");
    node.health_address = read_address(values, "health");
    node.weight = static_cast<uint32_t>(values.get<int64_t>("weight"));
    const bool permitted = topology_.insecure_peers || topology_.peers_have_certificates;
    if (values.has("peer") && !values.get<net::Address>("peer").is_loopback() && !permitted) {
      add(values, "peer", in_quotes(node.peer_address),
          "a loopback address, [peers.tls] in the node file, or insecure_peers = true in [cluster]: peers "
          "are "
          "not encrypted");
    }
    out_.node_places.emplace_back(node.name, reader_.place(*table.node));
    topology_.nodes.push_back(std::move(node));
  }

  void read_keys(const TomlNode* cluster) {
    const auto tables = reader_.find_tables(cluster, Section::cluster_key, "cluster.", "id");
    std::vector<cluster::PeerKey> keys;
    for (const NamedTable& table : tables) keys.push_back(read_key(table));
    const Place place = cluster == nullptr ? Place{reader_.file(), 0, 0} : reader_.place(*cluster);
    if (keys.size() > 2) {
      reader_.errors().add(reader_.place(*tables[2].node), "cluster.peer_keys",
                           std::to_string(keys.size()) + " keys", "one, or two while keys are changed");
    }
    if (keys.empty() && topology_.nodes.size() > 1 && !topology_.peers_have_certificates) {
      reader_.errors().add(
          place, "cluster.peer_keys", "nothing",
          "a key, such as [{id = \"a\", file = \"peer.key\"}], or [peers.tls] in the node file");
    }
    if (keys.empty() || use_ == TopologyUse::without_secrets || !reader_.errors().empty()) return;
    auto ring = cluster::PeerKeyRing::build(std::move(keys));
    if (ring) {
      out_.peer_keys = std::make_shared<const cluster::PeerKeyRing>(std::move(*ring));
    } else {
      reader_.errors().add(place, "cluster.peer_keys", ring.error().context);
    }
  }

  cluster::PeerKey read_key(const NamedTable& table) {
    constexpr size_t secret_bytes_min = 32;
    const auto values = reader_.read(Section::cluster_key, table.node, table.prefix);
    cluster::PeerKeyInfo info{read_name(values, "id"),
                              beside(reader_.file(), values.get<std::string>("file"))};
    cluster::PeerKey key{info.id, ""};
    for (const auto& earlier : topology_.peer_keys) {
      if (earlier.id == info.id) add(values, "id", "a second key of that id", "different ids");
    }
    if (values.has("file") && use_ != TopologyUse::without_secrets) {
      const SecretFile file{info.secret_file, values.place("file"), values.full_key("file"),
                            secret_bytes_min};
      key.secret = read_secret(files_, file, reader_.errors(), warnings_);
      add_fingerprint(entries_, file.key, key.secret);
    }
    topology_.peer_keys.push_back(std::move(info));
    return key;
  }

  net::Files& files_;
  SectionReader& reader_;
  std::vector<ConfigError>& warnings_;
  std::vector<ConfigEntry>& entries_;
  const TopologyUse use_;
  cluster::Topology topology_;
  TopologyFile out_;
  bool regions_listed_ = false;
  std::map<std::string, std::string> listeners_;  // of the current node: address to key
  std::map<std::string, std::string> peers_;      // of all nodes
};

}  // namespace

TopologyFile read_topology(net::Files& files, const std::string& path, ErrorList& errors,
                           std::vector<ConfigError>& warnings, std::vector<ConfigEntry>& entries,
                           TopologyUse use) {
  TomlNode root;
  if (!read_toml_file(files, path, {path, 0, 0}, "", root, errors)) return {};
  SectionReader reader(path, errors, entries);
  TopologyFile file = TopologyReader(files, reader, warnings, entries, use).read(root);
  if (!errors.empty()) return file;
  if (auto valid = cluster::validate(*file.topology); !valid) {
    errors.add({path, 0, 0}, std::string(valid.error().code), valid.error().context);
  }
  return file;
}

}  // namespace perigee::control
