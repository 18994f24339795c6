// Geographic DNS from the topology: the configuration of gdnsd, and the zone of PowerDNS' GeoIP backend.
//
// Both answer one name with the client addresses of the nearest region's nodes, by weight, checked on /readyz
// of the health listener; a region without a ready node is passed over for the next in order, and when no
// node is ready at all everything is answered rather than nothing.
//
// The order of regions for a client: from the list of networks where it is in one; else by distance from
// where a GeoIP database puts it to the regions' locations; else as the topology lists them.
//
// Thread rule: pure functions.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "edge/base/result.h"
#include "edge/cluster/topology.h"

namespace perigee::ctl {

struct DnsOptions {
  std::string zone = "example.org";  // without a dot at its end
  std::string name = "cdn";          // answered within the zone
  uint32_t ttl_s = 30;
  std::vector<std::pair<std::string, std::string>> networks;  // "192.0.2.0/24" and a region
  std::string geoip_database;                                 // path of a GeoIP2 country or city database
  std::vector<std::string> listen;                            // "127.0.0.1:5353"; empty: gdnsd's default
  std::string name_server = "ns1";
};

// A file to write, with a path below the folder of the configuration.
struct DnsFile {
  std::string path;
  std::string content;
};

// Lines "network region", '#' begins a comment. Errors: client, "bad_networks", naming the line.
Result<std::vector<std::pair<std::string, std::string>>> read_networks(std::string_view text,
                                                                       const cluster::Topology& topology);

// The regions in the order a client near `from` should get them: by distance where both have locations, else
// as listed.
std::vector<std::string> failover_order(const cluster::Topology& topology, const std::string& from);

// Errors: client, "bad_topology": a node without health address, or one on another IP than its client address
// or on another port than the others'.
Result<std::vector<DnsFile>> write_gdnsd(const cluster::Topology& topology, const DnsOptions& options);
Result<std::vector<DnsFile>> write_powerdns(const cluster::Topology& topology, const DnsOptions& options);

}  // namespace perigee::ctl
