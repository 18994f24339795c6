// The field lines this node adds to an answer: Age, Cache-Status, Via.
//
// Thread rule: pure functions; they append to a string the caller owns.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "edge/base/clock.h"
#include "edge/cache/meta.h"
#include "edge/cache/policy.h"
#include "edge/cluster/peer_envelope.h"

namespace perigee::proxy {

// How an answer came about, as Cache-Status (RFC 9211), the log and the counters tell it.
struct AnswerOrigin {
  bool hit = false;
  bool collapsed = false;
  bool stored = false;
  bool has_reason = false;  // reason is set: the request went forward
  cache::ForwardReason reason = cache::ForwardReason::uri_miss;
  int fwd_status = 0;  // 0: not said
  bool has_ttl = false;
  int64_t ttl = 0;          // seconds, may be negative
  std::string_view key;     // of the cache, where the site tells it; empty: not told
  std::string_view detail;  // a token, a literal; empty: none
};

// The detail of an answer that went forward, failed, and was served from the store all the same.
inline constexpr std::string_view detail_stale_if_error = "stale-if-error";

// "cache-status: NAME;hit;ttl=59\r\n"
void append_cache_status(std::string_view node_name, const AnswerOrigin& origin, std::string& lines);
// "age: 7\r\n", clamped to 2^31 (RFC 9111 1.2.2).
void append_age(int64_t seconds, std::string& lines);
// "via: 1.1 NAME\r\n"
void append_via(std::string_view node_name, std::string& lines);

// `line` ("perigee-peer: ...\r\n") with the requests of peers that wait here, the node's place in the log of
// purges, and that of what is answered; without the places while the node knows none.
void append_peer_line(std::string_view line, uint32_t in_flight, std::optional<cluster::LogPosition> position,
                      std::optional<cluster::LogPosition> stamp, std::string& lines);

// hit, stale, miss, revalidated, collapsed, bypass or error: the one word of the access log.
std::string_view cache_word(const AnswerOrigin& origin, bool failed);

}  // namespace perigee::proxy
