// Asks another node something that is no client's request, over its peer listener: one signed request, one
// whole answer. Purges, invalidations and probes go this way.
//
// Owned by whoever asks; destroying it drops the calls under way without an answer. Thread rule: its loop.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "edge/base/metrics.h"
#include "edge/base/result.h"
#include "edge/cluster/peer_auth.h"
#include "edge/net/io.h"
#include "edge/net/tls_stream.h"
#include "edge/proxy/connector.h"
#include "edge/proxy/snapshot.h"
#include "edge/proxy/upstream_pool.h"

namespace perigee::proxy {

struct PeerCall {
  http::Method method = http::Method::get;
  net::Address to;
  std::string_view authority;  // of the URL
  std::string url;
  std::string from;                      // name of this node
  std::string digest;                    // of its membership
  std::optional<uint64_t> invalidation;  // see PeerRequestEnvelope
  Duration timeout{};
  std::string to_name;  // whom the other side must prove to be, when nodes have certificates
};

// How this node proves who it is: with certificates, else by signing.
struct PeerProof {
  std::shared_ptr<const net::TlsClientSettings> tls;
  std::string tls_identity;  // net::identity_of(*tls)
  std::shared_ptr<const cluster::PeerKeyRing> keys;
};

PeerProof proof_of_node(const Snapshot& snapshot);

struct PeerReply {
  int status = 0;
  std::string peer_field;  // value of perigee-peer
  std::string body;
};

class PeerCaller {
 public:
  // Called once, from the loop. Errors: upstream, "peer_unreachable".
  using Done = std::function<void(Result<PeerReply>)>;
  static constexpr size_t body_bytes_max = size_t{4} << 20;

  PeerCaller(net::Loop& loop, MetricShard& metrics);
  ~PeerCaller();

  void call(const PeerCall& call, const PeerProof& proof, Done done);

 private:
  class Call;
  std::optional<ConnectTls> connect_tls(const PeerCall& call, const PeerProof& proof);

  net::Loop& loop_;
  UpstreamPool pool_;
  net::TlsFactory tls_factory_;
  std::string tls_identity_;  // of the context
  std::shared_ptr<net::TlsClientContext> tls_context_;
  std::set<Call*> calls_;
};

}  // namespace perigee::proxy
