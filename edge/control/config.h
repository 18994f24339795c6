// The configuration of one node as an immutable snapshot, and how it is read from files.
//
// Ownership: held through std::shared_ptr<const Config>; whoever began something with a snapshot keeps it
// until done. Thread rule: built by one thread, then read by all. Always true of a Config that load()
// returned: every value is within its range, every name refers to something, every address can be parsed;
// defaults are filled in. It opens no socket, so that an address is in use is found later.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "edge/base/clock.h"
#include "edge/base/log.h"
#include "edge/cache/fill.h"
#include "edge/cache/store.h"
#include "edge/cluster/hedge_policy.h"
#include "edge/cluster/hot_keys.h"
#include "edge/cluster/peer_auth.h"
#include "edge/cluster/peer_health.h"
#include "edge/cluster/peer_loads.h"
#include "edge/cluster/retry_budget.h"
#include "edge/cluster/topology.h"
#include "edge/control/access_fields.h"
#include "edge/control/config_error.h"
#include "edge/control/settings_table.h"
#include "edge/net/address.h"
#include "edge/net/files.h"
#include "edge/net/tls_context.h"
#include "edge/proxy/site.h"

namespace perigee::control {

struct NodeSettings {
  std::string name = "edge";
  std::string cdn_id;         // empty: made from the membership
  unsigned workers = 0;       // 0: one per core
  std::string topology_file;  // as a path to open; empty: alone
};

// Where this node listens, topology and [listen] taken together.
struct ListenSettings {
  std::vector<net::Address> client;  // at least one, or one of tls
  std::vector<net::Address> tls;     // for clients that speak TLS
  bool http2_clear = false;          // HTTP/2 by prior knowledge on `client`
  std::optional<net::Address> peer;
  std::optional<net::Address> admin;
  std::optional<net::Address> health;
};

struct CacheSettings {
  cache::StoreOptions store;
  cache::FillLimits fill;
  uint32_t hot_copies_percent = 10;  // of the budget
  cluster::HotKeyOptions hot_keys;
  Duration fill_age_max = std::chrono::hours(1);
  Duration follower_wait_max = std::chrono::seconds(20);
};

struct ServerSettings {
  uint32_t connections_max = 10'000;  // per node
  uint32_t head_bytes_max = 16 * 1024;
  uint32_t fields_max = 100;
  uint32_t target_bytes_max = 8 * 1024;
  uint32_t http2_streams_max = 128;
  uint32_t http2_glitches_max = 200;
  Duration header_timeout = std::chrono::seconds(10);
  Duration keep_alive_timeout = std::chrono::seconds(60);
  Duration request_body_timeout = std::chrono::seconds(60);
  Duration write_stall_timeout = std::chrono::seconds(60);
  Duration upstream_idle_timeout = std::chrono::seconds(50);
  Duration drain_deadline = std::chrono::seconds(30);
};

struct RetrySettings {
  uint32_t max = 2;                    // times a request is sent again
  cluster::RetryBudgetOptions budget;  // per upstream; workers is not filled in
};

// [peers.tls]: both null without it, neither with it.
struct PeerTlsSettings {
  std::shared_ptr<const net::TlsServerSettings> server;  // of the peer listener
  std::shared_ptr<const net::TlsClientSettings> client;  // toward other nodes
};

struct PeerSettings {
  Duration connect_timeout = std::chrono::milliseconds(100);  // within the region
  Duration connect_across_timeout = std::chrono::seconds(1);  // to another region
  Duration first_answer_timeout = std::chrono::seconds(1);
  Duration idle_body_timeout = std::chrono::seconds(15);
  Duration invalidation_wait = std::chrono::milliseconds(100);
  Duration joining = std::chrono::minutes(10);
  Duration probe_interval = std::chrono::seconds(2);  // 0: none
  cluster::HedgeOptions hedging;
  cluster::LoadBound load_bound;
  uint32_t connections_max = 256;      // to one peer
  uint32_t idle_connections_max = 64;  // to one peer
  cluster::PeerHealthOptions health;
  PeerTlsSettings tls;
};

struct PurgeSettings {
  std::string journal;                               // path; empty: in memory only
  Duration verify_after = std::chrono::seconds(10);  // without word from the log
  Duration receipt_wait = std::chrono::seconds(5);
};

struct LogSettings {
  LogLevel level = LogLevel::info;
  std::string path = "stderr";  // "stderr", "stdout", "off" or a file
  std::string access = "off";   // the same
  double access_sample = 1.0;
  AccessFields access_fields = access_fields_default;
  uint32_t queue_lines = 8192;
};

struct AdminSettings {
  std::string token;                                  // empty: requests need none
  std::shared_ptr<const net::TlsServerSettings> tls;  // null: without TLS
};

// One setting as it is in force.
struct ConfigEntry {
  std::string key;    // "limits.head_bytes", "site[docs].cache.default_freshness"
  std::string value;  // as an operator would write it; "(redacted)" for secrets
  Place place;        // no file: the default
  Reload reload = Reload::live;
  uint64_t fingerprint = 0;  // of what was redacted, to see a change; never leaves the process
};

struct Config {
  NodeSettings node;
  ListenSettings listen;
  CacheSettings cache;
  ServerSettings server;
  RetrySettings retries;
  PeerSettings peers;
  PurgeSettings purge;
  LogSettings log;
  AdminSettings admin;
  std::shared_ptr<const proxy::SiteTable> sites;
  std::shared_ptr<const net::TlsServerSettings> tls;      // null: no certificates
  std::shared_ptr<const cluster::Topology> topology;      // null: alone
  std::shared_ptr<const cluster::PeerKeyRing> peer_keys;  // null: no peers
  std::vector<ConfigEntry> entries;                       // sorted by key
  std::vector<ConfigError> warnings;

  // This node within the topology; null when alone.
  const cluster::NodeInfo* self() const;
};

using ConfigResult = tl::expected<std::shared_ptr<const Config>, std::vector<ConfigError>>;

// Reads a node file and what it refers to. node_name overrides node.name when it is not empty. All errors
// that can be told apart are collected, in the order of their places. Never throws, whatever the bytes. now
// is what certificates must be valid at; nullopt leaves that unjudged.
ConfigResult load_config(net::Files& files, const std::string& path, std::string_view node_name,
                         std::optional<WallTime> now = std::nullopt);

// What `--check-config` prints and whether the configuration is good. Warnings and errors one a line.
struct ConfigCheck {
  bool ok = false;
  std::string text;
};
ConfigCheck check_config(net::Files& files, const std::string& path, std::string_view node_name,
                         std::optional<WallTime> now = std::nullopt);

}  // namespace perigee::control
