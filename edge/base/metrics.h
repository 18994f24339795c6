// Counters and gauges of one node. One table names them all; docs and the /metrics page come from the same
// table.
//
// Thread rule: a MetricShard belongs to one thread, which alone adds to it (a plain load and store, no locked
// instruction). Anybody may read a shard at any time; a sum over shards is therefore a moment's
// approximation.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace perigee {

// X(enumerator, prometheus name, labels in braces or "", kind, help)
#define PERIGEE_METRICS(X)                                                                                   \
  X(requests, "perigee_requests_total", "", counter, "Requests received on client listeners")                \
  X(requests_hit, "perigee_responses_total", "result=\"hit\"", counter, "Answers by how they were made")     \
  X(requests_miss, "perigee_responses_total", "result=\"miss\"", counter, "")                                \
  X(requests_stale, "perigee_responses_total", "result=\"stale\"", counter, "")                              \
  X(requests_revalidated, "perigee_responses_total", "result=\"revalidated\"", counter, "")                  \
  X(requests_bypass, "perigee_responses_total", "result=\"bypass\"", counter, "")                            \
  X(requests_error, "perigee_responses_total", "result=\"error\"", counter, "")                              \
  X(requests_bad, "perigee_bad_requests_total", "", counter, "Requests refused by the framing validator")    \
  X(client_bytes_sent, "perigee_client_bytes_sent_total", "", counter, "Bytes written to clients")           \
  X(hit_bytes_sent, "perigee_hit_bytes_sent_total", "", counter, "Body bytes of answers served from store")  \
  X(connections_accepted, "perigee_connections_accepted_total", "", counter, "Client connections accepted")  \
  X(connections_refused, "perigee_connections_refused_total", "", counter, "Closed at once: over the limit") \
  X(connections_open, "perigee_connections_open", "", gauge, "Client connections open now")                  \
  X(responses_cut, "perigee_responses_cut_total", "", counter, "Answers that ended visibly incomplete")      \
  X(client_timeouts, "perigee_client_timeouts_total", "", counter, "Client connections closed by a timeout") \
  X(fills_started, "perigee_fills_started_total", "", counter, "Fills begun")                                \
  X(fills_collapsed, "perigee_fills_collapsed_total", "", counter, "Requests that followed a running fill")  \
  X(fills_completed, "perigee_fills_completed_total", "", counter, "Fills that ended complete")              \
  X(tls_handshakes_full, "perigee_tls_handshakes_total", "kind=\"full\"", counter,                           \
    "TLS handshakes of clients")                                                                             \
  X(tls_handshakes_resumed, "perigee_tls_handshakes_total", "kind=\"resumed\"", counter, "")                 \
  X(tls_handshakes_failed, "perigee_tls_handshakes_total", "kind=\"failed\"", counter, "")                   \
  X(http2_abuse, "perigee_http2_abuse_total", "", counter,                                                   \
    "HTTP/2 connections ended because their budget of glitches was spent")                                   \
  X(group_invalidations, "perigee_group_invalidations_total", "", counter,                                   \
    "Answers to unsafe requests that named groups to invalidate (RFC 9875)")                                 \
  X(group_invalidations_late, "perigee_group_invalidations_late_total", "", counter,                         \
    "Of these, answered before every node had applied it")                                                   \
  X(group_invalidations_failed, "perigee_group_invalidations_failed_total", "", counter,                     \
    "Of these, not taken by the log of purges")                                                              \
  X(fills_failed, "perigee_fills_failed_total", "", counter, "Fills that ended in failure")                  \
  X(fills_uncacheable, "perigee_fills_uncacheable_total", "", counter,                                       \
    "Fills whose answer was not storable")                                                                   \
  X(hit_for_miss, "perigee_hit_for_miss_total", "", counter, "Requests that did not wait: hit-for-miss")     \
  X(upstream_requests_origin, "perigee_upstream_requests_total", "tier=\"origin\"", counter,                 \
    "Requests sent upstream")                                                                                \
  X(upstream_requests_peer, "perigee_upstream_requests_total", "tier=\"peer\"", counter, "")                 \
  X(upstream_failures_origin, "perigee_upstream_failures_total", "tier=\"origin\"", counter,                 \
    "Upstream exchanges that failed")                                                                        \
  X(upstream_failures_peer, "perigee_upstream_failures_total", "tier=\"peer\"", counter, "")                 \
  X(upstream_bytes_origin, "perigee_upstream_bytes_total", "tier=\"origin\"", counter,                       \
    "Body bytes received from upstreams")                                                                    \
  X(upstream_bytes_peer, "perigee_upstream_bytes_total", "tier=\"peer\"", counter, "")                       \
  X(upstream_connects, "perigee_upstream_connects_total", "", counter, "Upstream connections opened")        \
  X(upstream_reuses, "perigee_upstream_reuses_total", "", counter, "Requests on a pooled connection")        \
  X(upstream_retries, "perigee_upstream_retries_total", "", counter, "Requests sent upstream again")         \
  X(retry_budget_exhausted, "perigee_retry_budget_exhausted_total", "", counter,                             \
    "Retries not made because the budget was spent")                                                         \
  X(origin_probes, "perigee_origin_probes_total", "", counter, "Probes sent to origin servers")              \
  X(origin_probes_failed, "perigee_origin_probes_failed_total", "", counter,                                 \
    "Probes of origin servers without a good answer in time")                                                \
  X(origin_downs, "perigee_origin_downs_total", "", counter, "Origin servers taken out by probes")           \
  X(origin_circuit_opened, "perigee_origin_circuit_opened_total", "", counter,                               \
    "Times that the breaker of an origin server opened")                                                     \
  X(origin_limit_lowered, "perigee_origin_limit_lowered_total", "", counter,                                 \
    "Times that a worker lowered what it has under way toward an overloaded origin server")                  \
  X(origin_circuit_refused, "perigee_origin_circuit_refused_total", "", counter,                             \
    "Requests not sent to an origin server because its breaker was open")                                    \
  X(peer_fallbacks, "perigee_peer_fallbacks_total", "", counter,                                             \
    "Requests that left their owner for another")                                                            \
  X(peer_requests, "perigee_peer_requests_total", "", counter, "Requests of peers for content")              \
  X(peer_bytes_sent, "perigee_peer_bytes_sent_total", "", counter, "Bytes written to peers that asked")      \
  X(peer_connections_accepted, "perigee_peer_connections_accepted_total", "", counter,                       \
    "Connections of peers accepted")                                                                         \
  X(peer_connections_refused, "perigee_peer_connections_refused_total", "", counter,                         \
    "Connections of peers closed at once: over the limit")                                                   \
  X(peer_connections_open, "perigee_peer_connections_open", "", gauge, "Connections of peers open now")      \
  X(peer_rejected, "perigee_peer_rejected_total", "", counter, "Peer requests refused: bad authentication")  \
  X(peer_ejections, "perigee_peer_ejections_total", "", counter, "Peers taken out of rotation")              \
  X(peer_disagreements, "perigee_peer_disagreements_total", "", counter,                                     \
    "Answers of peers that see another membership")                                                          \
  X(peer_load_skips, "perigee_peer_load_skips_total", "", counter,                                           \
    "Requests that passed over their owner because it was busy")                                             \
  X(peer_probes, "perigee_peer_probes_total", "", counter, "Probes sent to peers")                           \
  X(peer_probes_failed, "perigee_peer_probes_failed_total", "", counter, "Probes without an answer in time") \
  X(hedges_sent, "perigee_hedges_total", "", counter, "Second questions while a peer was late")              \
  X(hedges_won, "perigee_hedges_won_total", "", counter, "Hedges that answered before the late peer")        \
  X(hedge_budget_exhausted, "perigee_hedge_budget_exhausted_total", "", counter,                             \
    "Hedges not sent because the budget was spent")                                                          \
  X(joining_asked, "perigee_joining_requests_total", "", counter,                                            \
    "Requests to a previous owner for what it has stored")                                                   \
  X(joining_found, "perigee_joining_found_total", "", counter, "Of these, answered")                         \
  X(hot_copies_stored, "perigee_hot_copies_stored_total", "", counter,                                       \
    "Copies kept of hot keys that another node owns")                                                        \
  X(hot_copy_bytes, "perigee_hot_copy_bytes", "", gauge, "Memory counted for copies of hot keys")            \
  X(invalidations_sent, "perigee_invalidations_sent_total", "", counter,                                     \
    "Invalidations by unsafe methods told to other nodes, attempts counted")                                 \
  X(invalidations_received, "perigee_invalidations_received_total", "", counter,                             \
    "Invalidations heard of from other nodes")                                                               \
  X(invalidations_late, "perigee_invalidations_late_total", "", counter,                                     \
    "Nodes that had not confirmed an invalidation when the answer went out")                                 \
  X(invalidations_lost, "perigee_invalidations_lost_total", "", counter,                                     \
    "Invalidations that a node never confirmed")                                                             \
  X(store_bytes, "perigee_store_bytes", "", gauge, "Bytes charged to the cache budget")                      \
  X(store_responses, "perigee_store_responses", "", gauge, "Stored responses")                               \
  X(store_evictions, "perigee_store_evictions_total", "", counter, "Stored responses evicted to make room")  \
  X(store_holes, "perigee_store_holes_bytes", "", gauge,                                                     \
    "Memory between stored responses that is free and still the process's")                                  \
  X(body_blocks, "perigee_body_blocks", "state=\"used\"", gauge, "Blocks of large bodies in the page file")  \
  X(body_blocks_waiting, "perigee_body_blocks", "state=\"waiting\"", gauge, "")                              \
  X(body_blocks_lost, "perigee_body_blocks", "state=\"lost\"", gauge, "")                                    \
  X(body_block_bytes, "perigee_body_block_bytes", "", gauge, "Memory that the page file takes")              \
  X(body_blocks_on_heap, "perigee_body_blocks_on_heap_total", "", counter,                                   \
    "Blocks for which the page file had no place or the system no memory: on the heap instead")              \
  X(loops_detected, "perigee_loops_detected_total", "", counter,                                             \
    "Requests refused by CDN-Loop or hop limit")                                                             \
  X(purges_ok, "perigee_purges_total", "result=\"ok\"", counter, "Purges asked for at this node")            \
  X(purges_failed, "perigee_purges_total", "result=\"failed\"", counter, "")                                 \
  X(purges_applied, "perigee_purges_applied_total", "", counter, "Purges of the log applied here")           \
  X(purge_rules, "perigee_purge_rules", "", gauge, "Purges that look-ups still compare with")                \
  X(purge_swept, "perigee_purge_swept_total", "", counter, "Purged responses removed by the sweep")          \
  X(turns_long_control, "perigee_long_turns_total", "loop=\"control\"", counter,                             \
    "Turns of a loop with messages or timers that took a millisecond or more, of work or of waiting")        \
  X(turns_long_worker, "perigee_long_turns_total", "loop=\"worker\"", counter, "")                           \
  X(reloads_ok, "perigee_reloads_total", "result=\"ok\"", counter, "Configuration reloads")                  \
  X(reloads_refused, "perigee_reloads_total", "result=\"refused\"", counter, "")                             \
  X(log_dropped, "perigee_log_lines_dropped_total", "", counter, "Log lines dropped: queue full")

enum class Metric : uint8_t {
#define PERIGEE_METRIC_ENUM(id, name, labels, kind, help) id,
  PERIGEE_METRICS(PERIGEE_METRIC_ENUM)
#undef PERIGEE_METRIC_ENUM
};

enum class MetricKind : uint8_t { counter, gauge };

struct MetricInfo {
  Metric id;
  std::string_view name;
  std::string_view labels;
  MetricKind kind;
  std::string_view help;
};

inline constexpr MetricInfo metric_table[] = {
#define PERIGEE_METRIC_ROW(id, name, labels, kind, help) {Metric::id, name, labels, MetricKind::kind, help},
    PERIGEE_METRICS(PERIGEE_METRIC_ROW)
#undef PERIGEE_METRIC_ROW
};
inline constexpr size_t metric_count = std::size(metric_table);

class alignas(64) MetricShard {
 public:
  void add(Metric metric, uint64_t amount = 1) {
    auto& cell = cells_[static_cast<size_t>(metric)];
    cell.store(cell.load(std::memory_order_relaxed) + amount, std::memory_order_relaxed);
  }
  void subtract(Metric metric, uint64_t amount = 1) { add(metric, uint64_t{0} - amount); }
  void set(Metric metric, uint64_t value) {
    cells_[static_cast<size_t>(metric)].store(value, std::memory_order_relaxed);
  }
  // Modulo 2^64: a gauge whose parts are on several shards is right as a sum.
  uint64_t read(Metric metric) const {
    return cells_[static_cast<size_t>(metric)].load(std::memory_order_relaxed);
  }

 private:
  std::array<std::atomic<uint64_t>, metric_count> cells_{};
};

}  // namespace perigee
