// What the workers tell the rest of the node: how upstream attempts ended, and one record per exchange.
// Abstract here, so that proxy knows neither the control loop nor a log format.
//
// Thread rule: every call from any worker; implementations do not block.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "edge/base/clock.h"
#include "edge/base/random.h"
#include "edge/cluster/peer_health.h"
#include "edge/cluster/peer_record.h"
#include "edge/net/address.h"

namespace perigee::proxy {

class OutcomeSink {
 public:
  virtual ~OutcomeSink() = default;
  virtual void peer_outcome(cluster::PeerId peer, cluster::PeerOutcome outcome) = 0;
  // What the peer last said of itself, when that is news.
  virtual void peer_draining(cluster::PeerId peer, bool draining) = 0;
};

// One finished request, for the access log; views are good during the call only.
struct ExchangeRecord {
  WallTime received{};
  Duration duration{};
  net::Address client;
  std::string_view method;
  std::string_view host;
  std::string_view path;
  std::string_view site;
  std::string_view scheme;
  int status = 0;
  uint64_t body_bytes = 0;
  std::string_view cache;     // hit, stale, miss, revalidated, collapsed, bypass, error, refused, none
  std::string_view reason;    // RFC 9211 fwd value; empty for a hit
  std::string_view upstream;  // peer, shield or origin; empty when nothing went onward
  std::string_view detail;    // why it was refused or failed; empty otherwise
  std::string_view trace_id;  // of a valid traceparent, with its parent-id
  std::string_view parent_id;
  std::string_view user_agent;
  std::string_view referer;
  bool complete = true;  // false: the answer was cut or the client left
};

class ExchangeLog {
 public:
  virtual ~ExchangeLog() = default;
  // Whether this exchange is to be recorded; false costs next to nothing. site_share: of a site that has a
  // share of its own, in place of everybody's.
  virtual bool wants(Random& random, std::optional<double> site_share) const = 0;
  virtual void record(const ExchangeRecord& record) = 0;
  // The share of exchanges that wants() picks from now on, 0 to 1.
  virtual void set_sample(double share) { static_cast<void>(share); }
  // What a record's line has, as the log numbers it.
  virtual void set_fields(uint32_t fields) { static_cast<void>(fields); }
};

}  // namespace perigee::proxy
