// Everything a request needs from configuration and cluster state, as one immutable value. A worker holds the
// current one; an exchange keeps the one it began with until it ends, so a reload changes nothing in
// mid-flight.
//
// Thread rule: built on the control loop, then read by all; held through std::shared_ptr<const Snapshot>.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "edge/base/clock.h"
#include "edge/cluster/cluster_view.h"
#include "edge/cluster/hedge_policy.h"
#include "edge/cluster/joining.h"
#include "edge/cluster/peer_auth.h"
#include "edge/cluster/peer_loads.h"
#include "edge/cluster/peer_record.h"
#include "edge/cluster/retry_budget.h"
#include "edge/proxy/origin_record.h"
#include "edge/proxy/site.h"

namespace perigee::proxy {

// Waiting, on behalf of one request. All per request.
struct ExchangeOptions {
  // From the request to the head of its answer, upstream attempts and all; what remains is what a peer is
  // told.
  Duration head_deadline = std::chrono::seconds(30);
  // A follower that waited this long for a fill's head asks once more, with all who have.
  Duration follower_wait_max = std::chrono::seconds(25);
  // A fill older than this takes no new followers.
  Duration fill_age_max = std::chrono::seconds(300);
  // A peer is told "fill running" (102) when there is no head after this long. Peers give up after
  // peer_answer_timeout without it.
  Duration interim_after = std::chrono::milliseconds(500);
  Duration peer_answer_timeout = std::chrono::seconds(1);
  Duration peer_connect_timeout = std::chrono::milliseconds(100);
  Duration peer_connect_timeout_far = std::chrono::seconds(1);
  Duration peer_idle_body_timeout = std::chrono::seconds(30);
  // The answer to an unsafe method waits that long for the other nodes to forget what it invalidated.
  Duration invalidation_wait = std::chrono::milliseconds(100);
  uint32_t peer_connections_max = 256;      // per node and peer
  uint32_t peer_idle_connections_max = 64;  // per node and peer
  uint32_t retries_max = 2;
  cluster::RetryBudgetOptions retry_budget;  // per upstream; workers is not filled in
  cluster::HedgeOptions hedging;             // toward peers; percent 0: none
  cluster::LoadBound load_bound;
  // The longest wait for what a peer has stored, when nobody waits for it to be fetched.
  Duration peer_stored_timeout = std::chrono::milliseconds(250);
};

struct Snapshot {
  uint64_t id = 0;  // of the configuration
  std::shared_ptr<const void>
      config;  // what this was built from lives as long: live snapshots are counted by it
  std::string node_name;
  std::string cdn_id;  // in CDN-Loop (RFC 8586); the same on every node of the cluster
  std::shared_ptr<const SiteTable> sites;
  std::shared_ptr<const cluster::ClusterView> cluster;  // never null; of one node when there is no topology
  std::vector<std::shared_ptr<cluster::PeerRecord>> peers;               // by NodeIndex, this node's own too
  std::map<const OriginServer*, std::shared_ptr<OriginRecord>> origins;  // every server of every site
  cluster::Joining joining;
  // How peers prove who they are: by certificates, else by a secret, else they are neither asked nor
  // answered.
  std::shared_ptr<const net::TlsClientSettings> peer_tls;
  std::string peer_tls_identity;  // identity_of(*peer_tls)
  std::shared_ptr<const cluster::PeerKeyRing> peer_keys;
  // What every answer on the peer listener carries: "perigee-peer: v=1;...\r\n".
  std::string peer_answer_line;
  ExchangeOptions exchange;

  const std::shared_ptr<OriginRecord>& origin(const OriginServer& server) const {
    return origins.find(&server)->second;
  }
  bool has_peers() const { return peer_tls != nullptr || peer_keys != nullptr; }
};

}  // namespace perigee::proxy
