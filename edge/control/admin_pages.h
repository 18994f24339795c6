// The JSON of the admin pages, from values.
//
// Thread rule: pure functions.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "edge/base/metrics.h"
#include "edge/cluster/peer_health.h"
#include "edge/cluster/peer_record.h"
#include "edge/cluster/top_keys.h"
#include "edge/control/reload.h"
#include "edge/proxy/origin_record.h"

namespace perigee::control {

// What /status says of a node.
struct NodeStatus {
  std::string name;
  std::string region;  // empty when alone
  std::string version;
  int64_t uptime_s = 0;
  bool ready = false;
  bool draining = false;
  uint64_t config_id = 0;
  uint32_t peers = 0;  // other nodes of the topology
  uint32_t peers_up = 0;
  // Answers to clients, of all sites: how many, how many with a status of 500 or more or none, and by
  // buckets of proxy::LatencyHistogram how long their heads took.
  uint64_t answers = 0;
  uint64_t failures = 0;
  std::vector<uint64_t> answer_buckets;
};

// With requests, hit ratio and bytes from the shards. hit_ratio is the share of answers that needed no
// upstream, or null before the first; origin_bytes_saved is what clients got less what came from origins,
// below zero on a node that fetches mostly for its peers.
std::string status_json(const NodeStatus& status, std::span<const MetricShard* const> shards);

// Every setting in force with where it is from; secrets redacted.
std::string config_json(const Config& config, uint64_t id);

// Nodes with their addresses, weights and states; {"nodes": []} when alone. health may be null: everybody is
// up. peers: what is noted of each node of the topology, in its order; may be empty. origins: the origin
// servers.
std::string topology_json(const Config& config, const cluster::HealthView* health,
                          std::span<const std::shared_ptr<cluster::PeerRecord>> peers = {},
                          std::span<const std::shared_ptr<proxy::OriginRecord>> origins = {},
                          MonoTime now = {});

// What clients ask for most, with its share of all requests.
std::string urls_json(const cluster::TopView& top);

std::string reload_json(const ReloadResult& result);
// {"reloads": [...]}, newest first.
std::string reloads_json(const std::deque<ReloadResult>& history);

}  // namespace perigee::control
