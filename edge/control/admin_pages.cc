#include "edge/control/admin_pages.h"

#include <cmath>

#include "edge/base/json.h"
#include "edge/control/json_text.h"

namespace perigee::control {
namespace {

// Values come from files and may hold anything: bytes that are not UTF-8 are replaced, never thrown about.
std::string print(const Json& json) { return to_text(json, 2) + "\n"; }

std::string print_time(WallTime time) {
  std::string text;
  append_json_time(text, time);
  return text.substr(1, text.size() - 2);
}

uint64_t sum(std::span<const MetricShard* const> shards, Metric metric) {
  uint64_t total = 0;
  for (const MetricShard* shard : shards) total += shard->read(metric);
  return total;
}

Json errors_json(const std::vector<ConfigError>& errors) {
  Json list = Json::array();
  for (const ConfigError& error : errors) {
    const std::string at = error.place.file.empty() ? "" : error.place.to_string();
    list.push_back({{"at", at}, {"key", error.key}, {"message", error.message}});
  }
  return list;
}

// Null without answers, so that nobody takes a fresh node for a bad one.
Json hit_ratio(std::span<const MetricShard* const> shards) {
  const uint64_t hits = sum(shards, Metric::requests_hit) + sum(shards, Metric::requests_stale);
  const uint64_t others = sum(shards, Metric::requests_miss) + sum(shards, Metric::requests_revalidated) +
                          sum(shards, Metric::requests_bypass) + sum(shards, Metric::requests_error);
  if (hits + others == 0) return nullptr;
  return static_cast<double>(hits) / static_cast<double>(hits + others);
}

}  // namespace

std::string status_json(const NodeStatus& status, std::span<const MetricShard* const> shards) {
  const uint64_t client_bytes = sum(shards, Metric::client_bytes_sent);
  const uint64_t origin_bytes = sum(shards, Metric::upstream_bytes_origin);
  Json json = {{"node", status.name},
               {"region", status.region},
               {"version", status.version},
               {"uptime_s", status.uptime_s},
               {"ready", status.ready},
               {"draining", status.draining},
               {"config_id", status.config_id},
               {"requests", sum(shards, Metric::requests)},
               {"hits", sum(shards, Metric::requests_hit)},
               {"answers", status.answers},
               {"failures", status.failures},
               {"answer_buckets", status.answer_buckets},
               {"hit_ratio", hit_ratio(shards)},
               {"client_bytes", client_bytes},
               {"origin_requests", sum(shards, Metric::upstream_requests_origin)},
               {"origin_bytes", origin_bytes},
               {"origin_bytes_saved", static_cast<int64_t>(client_bytes - origin_bytes)},
               {"connections_open", sum(shards, Metric::connections_open)},
               {"store_bytes", sum(shards, Metric::store_bytes)},
               {"store_responses", sum(shards, Metric::store_responses)},
               {"peers", status.peers},
               {"peers_up", status.peers_up}};
  return print(json);
}

std::string config_json(const Config& config, uint64_t id) {
  Json settings = Json::array();
  for (const ConfigEntry& entry : config.entries) {
    settings.push_back({{"key", entry.key},
                        {"value", entry.value},
                        {"from", entry.place.to_string()},
                        {"reload", entry.reload == Reload::live ? "live" : "restart"}});
  }
  return print({{"node", config.node.name},
                {"config_id", id},
                {"settings", std::move(settings)},
                {"warnings", errors_json(config.warnings)}});
}

namespace {

// As this node sees a peer; null where nothing is known.
Json seen_of(const cluster::PeerRecord& peer) {
  const auto figure = [](const auto& value) { return value.load(std::memory_order_relaxed); };
  const int64_t p95_us = figure(peer.p95_us);
  const int64_t probe_us = figure(peer.probe_us);
  return {{"agrees", !figure(peer.disagrees)},
          {"in_flight", figure(peer.in_flight)},
          {"p95_us", p95_us > 0 ? Json(p95_us) : Json()},
          {"requests", figure(peer.requests)},
          {"failed", figure(peer.failed)},
          {"hedges", figure(peer.hedges)},
          {"hedges_won", figure(peer.hedges_won)},
          {"load_skips", figure(peer.load_skips)},
          {"probe_us", probe_us >= 0 ? Json(probe_us) : Json()},
          {"probes_failed", figure(peer.probes_failed)}};
}

// As this node sees an origin server.
Json origin_of(proxy::OriginRecord& record, MonoTime now) {
  const auto figure = [](const auto& value) { return value.load(std::memory_order_relaxed); };
  const int64_t probe_us = figure(record.probe_us);
  return record.with([&](const cluster::OriginHealth& health) -> Json {
    const auto recent = health.recent(now);
    return {{"origin", record.group},
            {"server", record.address},
            {"state", std::string(cluster::to_string(health.state(now)))},
            {"requests", figure(record.requests)},
            {"failed", figure(record.failed)},
            {"refused", figure(record.refused)},
            {"opened", figure(record.opened)},
            {"limit", figure(record.limit) != 0 ? Json(figure(record.limit)) : Json()},
            {"ended_recently", recent.requests},
            {"failed_recently", recent.failed},
            {"probe_us", probe_us >= 0 ? Json(probe_us) : Json()},
            {"probes_failed", figure(record.probes_failed)}};
  });
}

}  // namespace

std::string topology_json(const Config& config, const cluster::HealthView* health,
                          std::span<const std::shared_ptr<cluster::PeerRecord>> peers,
                          std::span<const std::shared_ptr<proxy::OriginRecord>> origins, MonoTime now) {
  Json json = {{"self", config.node.name}, {"nodes", Json::array()}, {"origins", Json::array()}};
  for (const auto& record : origins) json["origins"].push_back(origin_of(*record, now));
  if (config.topology == nullptr) return print(json);
  const cluster::Topology& topology = *config.topology;
  for (size_t i = 0; i < topology.nodes.size(); ++i) {
    const cluster::NodeInfo& node = topology.nodes[i];
    const auto index = static_cast<cluster::NodeIndex>(i);
    const auto state = health == nullptr ? cluster::PeerState::up : health->state(index);
    json["nodes"].push_back({{"name", node.name},
                             {"region", node.region},
                             {"weight", node.weight},
                             {"client", node.client_address},
                             {"peer", node.peer_address},
                             {"admin", node.admin_address},
                             {"health", node.health_address},
                             {"state", std::string(cluster::to_string(state))}});
    if (i < peers.size() && node.name != config.node.name) json["nodes"].back()["seen"] = seen_of(*peers[i]);
  }
  json["regions"] = Json::array();
  for (const cluster::RegionInfo& region : topology.regions) {
    json["regions"].push_back({{"name", region.name}, {"location", region.location}});
  }
  json["purge_log"] = topology.purge_log;
  json["membership"] = cluster::membership_digest(topology);
  return print(json);
}

std::string urls_json(const cluster::TopView& top) {
  Json urls = Json::array();
  for (const cluster::TopKey& key : top.keys) {
    urls.push_back({{"url", key.key},
                    {"cut", key.cut},
                    {"requests", std::llround(key.requests)},
                    {"share", top.requests > 0 ? key.requests / top.requests : 0.0}});
  }
  return print({{"requests", std::llround(top.requests)}, {"urls", std::move(urls)}});
}

namespace {

Json reload_value(const ReloadResult& result) {
  Json changes = Json::array();
  for (const ConfigChange& change : result.changes) {
    changes.push_back({{"change", std::string(to_string(change.kind))},
                       {"key", change.key},
                       {"before", change.before},
                       {"after", change.after},
                       {"restart", change.restart}});
  }
  return {{"id", result.id},
          {"applied", result.applied},
          {"dry_run", result.dry_run},
          {"busy", result.busy},
          {"at", print_time(result.at)},
          {"changes", std::move(changes)},
          {"errors", errors_json(result.errors)},
          {"warnings", errors_json(result.warnings)}};
}

}  // namespace

std::string reload_json(const ReloadResult& result) { return print(reload_value(result)); }

std::string reloads_json(const std::deque<ReloadResult>& history) {
  Json list = Json::array();
  for (auto one = history.rbegin(); one != history.rend(); ++one) list.push_back(reload_value(*one));
  return print({{"reloads", std::move(list)}});
}

}  // namespace perigee::control
