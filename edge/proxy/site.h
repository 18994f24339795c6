// Sites: which hosts this node serves, where their content comes from, and what may be done with it. Filled
// by edge/control from the configuration; immutable once published.
//
// Thread rule: built by one thread, then read by all; held through std::shared_ptr<const SiteTable>.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "edge/base/clock.h"
#include "edge/base/result.h"
#include "edge/cache/policy.h"
#include "edge/cluster/origin_health.h"
#include "edge/net/tls_context.h"

namespace perigee::proxy {

struct OriginServer {
  std::string host;  // name or IP literal
  uint16_t port = 80;
  uint32_t weight = 1;
  bool backup = false;  // used only when no other server of the group can be

  // "host:port", with brackets around an IPv6 address.
  std::string address() const {
    const bool v6 = host.find(':') != std::string::npos;
    return (v6 ? "[" + host + "]" : host) + ":" + std::to_string(port);
  }
};

struct OriginGroup {
  std::string name;
  std::vector<OriginServer> servers;
  // Not null: asked over TLS, and only of whom can prove to be tls_name (empty: the Host it is sent, else the
  // server's own name).
  std::shared_ptr<const net::TlsClientSettings> tls;
  std::string tls_identity;  // identity_of(*tls)
  std::string tls_name;
  std::string host_header;  // sent as Host; empty: the site's host as the client asked
  Duration connect_timeout = std::chrono::seconds(1);
  Duration first_byte_timeout = std::chrono::seconds(10);
  Duration idle_body_timeout = std::chrono::seconds(15);
  uint32_t connections_max = 256;      // per node, to each server
  uint32_t idle_connections_max = 64;  // per node
  std::string probe_path;              // empty: servers are not probed
  Duration probe_interval = std::chrono::seconds(5);
  Duration probe_timeout = std::chrono::seconds(2);
  cluster::OriginHealthOptions health;  // of each server
  // From connections_max down to connections_min, by how each server fares.
  bool connections_adapt = false;
  uint32_t connections_min = 8;  // per node
};

// Whether clients of a site are asked for a certificate, and need one.
enum class ClientCertificates : uint8_t { off, optional, required };

// The first rule whose prefix matches the path applies, in place of the site's policy.
struct CacheRule {
  std::string path_prefix;
  cache::PolicyOptions policy;  // the site's with the rule's changes
};

struct Site {
  std::string name;
  uint32_t index = 0;              // among the sites of its configuration
  std::vector<std::string> hosts;  // "example.org", "*.example.org" (one or more labels), or "*"
  std::shared_ptr<const OriginGroup> origin;
  cache::PolicyOptions policy;
  std::vector<CacheRule> rules;
  std::string shield_region;           // whose owner the other regions ask before the origin; empty: none
  bool allow_upgrade = false;          // WebSocket and other Upgrade pass-through
  bool forward_client_address = true;  // X-Forwarded-For, -Proto, -Host
  ClientCertificates client_certificates = ClientCertificates::off;
  std::shared_ptr<const net::TlsClientRules> client_rules;  // null when off
  bool tells_key = false;                                   // Cache-Status says the cache key
  uint64_t request_body_bytes_max = 1ull << 30;
  // The share of its exchanges that is logged; nullopt: as for all.
  std::optional<double> access_sample;
};

// "example.org:8080" -> "example.org", "[::1]:80" -> "[::1]".
std::string_view host_of(std::string_view authority);

class SiteTable {
 public:
  // Error: internal, "duplicate_host", with the host and both sites.
  static Result<std::shared_ptr<const SiteTable>> build(std::vector<std::shared_ptr<const Site>> sites);

  // The site of a host, without port, in any case, with or without a dot at its end: exact, else the longest
  // wildcard, else "*", else null. Allocates nothing.
  const Site* find(std::string_view host) const;
  const std::vector<std::shared_ptr<const Site>>& sites() const { return sites_; }

 private:
  // Looked up with a view, so that a request allocates nothing.
  struct HostHash {
    using is_transparent = void;
    size_t operator()(std::string_view host) const { return std::hash<std::string_view>()(host); }
  };
  using HostMap = std::unordered_map<std::string, const Site*, HostHash, std::equal_to<>>;

  static const Site* in(const HostMap& map, std::string_view host);

  std::vector<std::shared_ptr<const Site>> sites_;
  HostMap exact_;
  HostMap wildcard_;  // "example.org" for "*.example.org"
  const Site* any_ = nullptr;
};

}  // namespace perigee::proxy
