#include "edge/ctl/dns.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <numeric>
#include <optional>

#include "edge/base/bytes.h"
#include "edge/net/address.h"

namespace perigee::ctl {
namespace {

struct Place {
  double latitude = 0;
  double longitude = 0;
};

std::optional<Place> place_of(const cluster::RegionInfo& region) {
  const size_t comma = region.location.find(',');
  if (comma == std::string::npos) return std::nullopt;
  return Place{std::strtod(region.location.c_str(), nullptr),
               std::strtod(region.location.c_str() + comma + 1, nullptr)};
}

// Great-circle distance, in radians (the haversine formula).
double distance(const Place& a, const Place& b) {
  constexpr double degree = 3.14159265358979323846 / 180;
  const double across = std::sin((b.latitude - a.latitude) * degree / 2);
  const double along = std::sin((b.longitude - a.longitude) * degree / 2);
  const double h =
      across * across + std::cos(a.latitude * degree) * std::cos(b.latitude * degree) * along * along;
  return 2 * std::asin(std::sqrt(std::min(1.0, h)));
}

std::string joined(const std::vector<std::string>& parts) {
  std::string text;
  for (const std::string& part : parts) text += (text.empty() ? "" : ", ") + part;
  return text;
}

// The port of /readyz, which must be the same on every node: a name server has one for each kind of check.
Result<uint16_t> health_port(const cluster::Topology& topology) {
  std::optional<uint16_t> port;
  for (const cluster::NodeInfo& node : topology.nodes) {
    const auto client = net::Address::parse(node.client_address);
    const auto health = net::Address::parse(node.health_address);
    const auto refuse = [&](const std::string& expected) {
      return fail(Side::client, "bad_topology",
                  node.name + ": found health address \"" + node.health_address + "\", expected " + expected);
    };
    if (!client || !health || health->ip() != client->ip()) {
      return refuse("one on the IP of " + node.client_address + ", which is what DNS answers and checks");
    }
    if (port && *port != health->port) return refuse("the same port on every node, " + std::to_string(*port));
    port = health->port;
  }
  return port.value_or(0);
}

std::string ip_of(const cluster::NodeInfo& node) { return net::Address::parse(node.client_address)->ip(); }

// Regions that have nodes, as listed.
std::vector<std::string> regions_in_use(const cluster::Topology& topology) {
  std::vector<std::string> names;
  for (const cluster::RegionInfo& region : topology.regions) {
    const bool used = std::any_of(topology.nodes.begin(), topology.nodes.end(),
                                  [&](const cluster::NodeInfo& node) { return node.region == region.name; });
    if (used) names.push_back(region.name);
  }
  return names;
}

class GdnsdWriter {
 public:
  GdnsdWriter(const cluster::Topology& topology, const DnsOptions& options)
      : topology_(topology), options_(options) {}

  Result<std::vector<DnsFile>> write() {
    const auto port = health_port(topology_);
    if (!port) return tl::unexpected(port.error());
    text_ =
        "# Written by perigeectl dns gdnsd from the topology; write it again when the topology changes.\n";
    write_options();
    write_check(*port);
    write_pools();
    write_map();
    return std::vector<DnsFile>{{"config", std::move(text_)}, {"zones/" + options_.zone, zone()}};
  }

 private:
  void write_options() {
    if (options_.listen.empty()) return;
    text_ += "options => {\n  listen => [";
    for (const std::string& at : options_.listen) text_ += " " + at;
    text_ += " ]\n}\n";
  }

  // A probe every two seconds, the most that gdnsd makes: a bad one takes a node out, so within three
  // seconds; two good ones bring it back.
  void write_check(uint16_t port) {
    text_ += fmt::format(
        "service_types => {{\n"
        "  ready => {{ plugin => http_status, url_path => /readyz, port => {}, ok_codes => [ 200 ],\n"
        "    interval => 2, timeout => 1, up_thresh => 2, ok_thresh => 1, down_thresh => 1 }}\n}}\n",
        port);
  }

  // Addresses of one family may stand in the pool itself; those of two families need a pool each.
  void write_pools() {
    text_ += "plugins => {\n  weighted => {\n    multi => true\n";
    for (const std::string& region : regions_in_use(topology_)) {
      text_ +=
          fmt::format("    {}_nodes => {{\n      service_types => ready\n      up_thresh => 0.01\n", region);
      const std::string v4 = addresses(region, net::Address::Family::v4);
      const std::string v6 = addresses(region, net::Address::Family::v6);
      const bool both = !v4.empty() && !v6.empty();
      text_ +=
          both ? "      addrs_v4 => {\n" + v4 + "      }\n      addrs_v6 => {\n" + v6 + "      }\n" : v4 + v6;
      text_ += "    }\n";
    }
    text_ += "  }\n";
  }

  std::string addresses(const std::string& region, net::Address::Family family) const {
    std::string lines;
    for (const cluster::NodeInfo& node : topology_.nodes) {
      if (node.region == region && net::Address::parse(node.client_address)->family == family)
        lines += fmt::format("      {} => [ {}, {} ]\n", node.name, ip_of(node), node.weight);
    }
    return lines;
  }

  void write_map() {
    const std::vector<std::string> regions = regions_in_use(topology_);
    text_ += "  geoip => {\n    maps => {\n      regions => {\n";
    text_ += "        datacenters => [ " + joined(regions) + " ]\n";
    if (!options_.geoip_database.empty()) {
      text_ += "        geoip2_db => " + options_.geoip_database + "\n        auto_dc_coords => {\n";
      for (const cluster::RegionInfo& region : topology_.regions) {
        const auto place = place_of(region);
        if (place) {
          text_ +=
              fmt::format("          {} => [ {}, {} ]\n", region.name, place->latitude, place->longitude);
        }
      }
      text_ += "        }\n";
    }
    if (!options_.networks.empty()) {
      text_ += "        nets => {\n";
      for (const auto& [network, region] : options_.networks) {
        text_ += fmt::format("          {} => [ {} ]\n", network, joined(failover_order(topology_, region)));
      }
      text_ += "        }\n";
    }
    text_ +=
        "      }\n    }\n    resources => {\n      nodes => {\n        map => regions\n        dcmap => {\n";
    for (const std::string& region : regions) {
      text_ += fmt::format("          {0} => %weighted!{0}_nodes\n", region);
    }
    text_ += "        }\n      }\n    }\n  }\n}\n";
  }

  std::string zone() const {
    return fmt::format(
        "; Written by perigeectl dns gdnsd.\n"
        "$TTL 900\n@ SOA {0} hostmaster ( 1 7200 1800 259200 900 )\n@ NS {0}\n{0} A 127.0.0.1\n"
        "{1} {2} DYNA geoip!nodes\n",
        options_.name_server, options_.name, options_.ttl_s);
  }

  const cluster::Topology& topology_;
  const DnsOptions& options_;
  std::string text_;
};

}  // namespace

Result<std::vector<std::pair<std::string, std::string>>> read_networks(std::string_view text,
                                                                       const cluster::Topology& topology) {
  std::vector<std::pair<std::string, std::string>> networks;
  for (size_t number = 1; !text.empty(); ++number) {
    std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(text.size(), line.size() + 1));
    line = trim_ows(line.substr(0, line.find('#')));
    if (line.empty()) continue;
    const size_t space = std::min(line.find_first_of(" \t"), line.size());
    const std::string network(line.substr(0, space));
    const std::string region(trim_ows(line.substr(space)));
    const size_t slash = std::min(network.find('/'), network.size());
    const bool good = net::Address::parse_ip(network.substr(0, slash), 0) && slash < network.size() &&
                      parse_decimal(network.substr(slash + 1)).value_or(129) <= 128;
    if (!good || !topology.find_region(region)) {
      return fail(Side::client, "bad_networks",
                  fmt::format("line {}: found \"{}\", expected a network and a region, \"192.0.2.0/24 {}\"",
                              number, line, topology.regions.front().name));
    }
    networks.emplace_back(network, region);
  }
  return networks;
}

std::vector<std::string> failover_order(const cluster::Topology& topology, const std::string& from) {
  std::vector<std::string> order = regions_in_use(topology);
  const auto first = topology.find_region(from);
  const auto here = first ? place_of(topology.regions[*first]) : std::nullopt;
  const auto far = [&](const std::string& name) {
    if (name == from) return -1.0;
    const auto there = place_of(topology.regions[*topology.find_region(name)]);
    return here && there ? distance(*here, *there) : 10.0;
  };
  std::stable_sort(order.begin(), order.end(),
                   [&](const std::string& a, const std::string& b) { return far(a) < far(b); });
  return order;
}

Result<std::vector<DnsFile>> write_gdnsd(const cluster::Topology& topology, const DnsOptions& options) {
  return GdnsdWriter(topology, options).write();
}

namespace {

// One Lua record for each address family. ifurlup() looks at sets of addresses in order and answers from the
// first that has a ready one; so the sets are regions, in the order of failover for a client's network.
class PowerDnsWriter {
 public:
  PowerDnsWriter(const cluster::Topology& topology, const DnsOptions& options, uint16_t port)
      : topology_(topology), options_(options), port_(port) {}

  std::string zone() const {
    std::string text = fmt::format(
        "# Written by perigeectl dns pdns: launch=geoip, geoip-zones-file=this file, "
        "enable-lua-records=yes,\n"
        "# edns-subnet-processing=yes, lua-health-checks-interval=1; with --geoip also "
        "geoip-database-files=it.\n"
        "domains:\n  - domain: {0}\n    ttl: {1}\n    records:\n      {0}:\n"
        "        - soa: {2}.{0} hostmaster.{0} 1 7200 1800 259200 900\n        - ns: {2}.{0}\n"
        "      {3}.{0}:\n",
        options_.zone, options_.ttl_s, options_.name_server, options_.name);
    for (const auto& [type, family] :
         {std::pair("A", net::Address::Family::v4), std::pair("AAAA", net::Address::Family::v6)}) {
      const std::vector<std::string> regions = regions_with(family);
      if (!regions.empty())
        text += fmt::format("        - lua: \"{} \\\"{}\\\"\"\n", type, code(regions, family));
    }
    return text;
  }

 private:
  std::vector<std::string> regions_with(net::Address::Family family) const {
    std::vector<std::string> regions = regions_in_use(topology_);
    std::erase_if(regions, [&](const std::string& region) { return addresses(region, family).empty(); });
    return regions;
  }

  // Each as often as its weight says, in the smallest numbers that do: one of them is drawn.
  std::string addresses(const std::string& region, net::Address::Family family) const {
    std::vector<const cluster::NodeInfo*> nodes;
    uint32_t common = 0;
    uint64_t sum = 0;
    for (const cluster::NodeInfo& node : topology_.nodes) {
      if (node.region != region || net::Address::parse(node.client_address)->family != family) continue;
      nodes.push_back(&node);
      common = std::gcd(common, node.weight);
      sum += node.weight;
    }
    std::vector<std::string> drawn;
    for (const cluster::NodeInfo* node : nodes) {
      const uint64_t exact = node->weight / common;
      const uint64_t times =
          sum / common <= drawn_max ? exact : std::max<uint64_t>(1, node->weight * drawn_max / sum);
      drawn.insert(drawn.end(), times, "'" + ip_of(*node) + "'");
    }
    return joined(drawn);
  }

  std::string code(const std::vector<std::string>& regions, net::Address::Family family) const {
    const auto set = [&](const std::string& region) {
      return "r" + std::to_string(std::find(regions.begin(), regions.end(), region) - regions.begin());
    };
    std::string text = fmt::format(";local u='http://{}.{}:{}/readyz' local o={{backupSelector='all'}} ",
                                   options_.name, options_.zone, port_);
    for (const std::string& region : regions)
      text += fmt::format("local {}={{{}}} ", set(region), addresses(region, family));
    const auto answer = [&](std::vector<std::string> order) {
      std::erase_if(order, [&](const std::string& region) {
        return std::find(regions.begin(), regions.end(), region) == regions.end();
      });
      for (std::string& region : order) region = set(region);
      return "return ifurlup(u,{" + joined(order) + "},o) ";
    };
    const auto networks = longest_first();
    for (auto at = networks.begin(); at != networks.end();) {
      const std::string& region = at->second;
      std::vector<std::string> masks;
      for (; at != networks.end() && at->second == region; ++at) masks.push_back("'" + at->first + "'");
      text +=
          "if netmask({" + joined(masks) + "}) then " + answer(failover_order(topology_, region)) + "end ";
    }
    if (!options_.geoip_database.empty()) {
      std::vector<std::string> all;
      for (const std::string& region : regions) all.push_back(addresses(region, family));
      return text + "return ifurlup(u,{{" + joined(all) + "}},{selector='pickclosest',backupSelector='all'})";
    }
    text += answer(regions);
    text.pop_back();
    return text;
  }

  // The first match counts, so the longest prefix has to come first.
  std::vector<std::pair<std::string, std::string>> longest_first() const {
    auto networks = options_.networks;
    const auto length = [](const std::string& network) {
      return parse_decimal(std::string_view(network).substr(network.find('/') + 1)).value_or(0);
    };
    std::stable_sort(networks.begin(), networks.end(),
                     [&](const auto& a, const auto& b) { return length(a.first) > length(b.first); });
    return networks;
  }

  static constexpr uint64_t drawn_max = 100;
  const cluster::Topology& topology_;
  const DnsOptions& options_;
  const uint16_t port_;
};

}  // namespace

Result<std::vector<DnsFile>> write_powerdns(const cluster::Topology& topology, const DnsOptions& options) {
  const auto port = health_port(topology);
  if (!port) return tl::unexpected(port.error());
  return std::vector<DnsFile>{{"geoip.yaml", PowerDnsWriter(topology, options, *port).zone()}};
}

}  // namespace perigee::ctl
