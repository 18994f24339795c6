#include "edge/ctl/dns.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
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

  void write_pools() {
    text_ += "plugins => {\n  weighted => {\n    multi => true\n";
    for (const std::string& region : regions_in_use(topology_)) {
      text_ +=
          fmt::format("    {}_nodes => {{\n      service_types => ready\n      up_thresh => 0.01\n", region);
      for (const cluster::NodeInfo& node : topology_.nodes) {
        if (node.region != region) continue;
        text_ += fmt::format("      {} => [ {}, {} ]\n", node.name, ip_of(node), node.weight);
      }
      text_ += "    }\n";
    }
    text_ += "  }\n";
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

// Lua records check the nodes themselves; the GeoIP backend's own services would not.
Result<std::vector<DnsFile>> write_powerdns(const cluster::Topology& topology, const DnsOptions& options) {
  const auto port = health_port(topology);
  if (!port) return tl::unexpected(port.error());
  std::string groups;
  for (const std::string& region : regions_in_use(topology)) {
    std::string addresses;
    for (const cluster::NodeInfo& node : topology.nodes) {
      if (node.region == region)
        addresses += fmt::format("{}'{}'", addresses.empty() ? "" : ", ", ip_of(node));
    }
    groups += fmt::format("{}{{ {} }}", groups.empty() ? "" : ", ", addresses);
  }
  const std::string lua = fmt::format(
      "ifurlup('http://{}.{}:{}/readyz', {{ {} }}, {{ selector='pickclosest', backupSelector='all', "
      "interval=1 }})",
      options.name, options.zone, *port, groups);
  std::string zone = fmt::format(
      "# Written by perigeectl dns pdns: launch=geoip, geoip-zones-file=this file, enable-lua-records=yes,\n"
      "# edns-subnet-processing=yes, geoip-database-files=a GeoIP2 city database.\n"
      "domains:\n  - domain: {0}\n    ttl: {1}\n    records:\n      {0}:\n"
      "        - soa: {2}.{0} hostmaster.{0} 1 7200 1800 259200 900\n        - ns: {2}.{0}\n"
      "      {3}.{0}:\n        - lua: \"A \\\"{4}\\\"\"\n",
      options.zone, options.ttl_s, options.name_server, options.name, lua);
  return std::vector<DnsFile>{{"geoip.yaml", std::move(zone)}};
}

}  // namespace perigee::ctl
