// What a fetch is to do: made from a request's context in one place, for exchanges and background validations
// alike.
//
// Thread rule: the worker's loop.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "edge/cluster/hot_keys.h"
#include "edge/proxy/client_proof.h"
#include "edge/proxy/request_context.h"
#include "edge/proxy/route_plan.h"
#include "edge/proxy/snapshot.h"
#include "edge/proxy/upstream_request.h"

namespace perigee::proxy {

class FetchClient;
class Worker;

struct FetchJob {
  std::shared_ptr<const Snapshot> snapshot;
  const Site* site = nullptr;                            // of that snapshot
  const cache::PolicyOptions* policy_options = nullptr;  // of that snapshot
  std::string key;                                       // primary cache key: what is asked for
  const http::RequestHead* request = nullptr;            // copied by start()
  cache::RequestPolicy policy;
  std::string client_ip;
  std::string client_scheme;
  ClientProof client_proof;           // what the client's connection says of it
  bool from_peer = false;             // the request came over the peer listener
  unsigned hop = 0;                   // hops it has made within the cluster
  bool hot = false;                   // a peer's answer is worth a copy
  bool whole_representation = false;  // wanted for the store: no conditions, no range of the client's
  bool upgrade = false;
  // What is asked about, with its validators if it has any, and may be served in place of an error. Pinned by
  // the fetch for as long as it lasts.
  const cache::StoredResponse* validate = nullptr;
  // What an answer to HEAD confirms or not (RFC 9111 4.3.5). Pinned likewise.
  const cache::StoredResponse* confirm = nullptr;
  // Instead of all of the representation: a run of it. An answer with all of it will do too.
  std::optional<RangeAsk> range;
  std::optional<ResumePoint> resume;  // for a reader that fell out of its fill
  MonoTime deadline{};                // for the head
  RoutePlan plan;
  FetchClient* client = nullptr;
};

// Who asks, beside the request and its context.
struct Asker {
  std::string ip;
  std::string_view scheme;
  ClientProof proof;
  bool straight_to_origin = false;
  cluster::Heat heat = cluster::Heat::cool;
};

// The job with its route planned, and time for the head as if it had just begun. request must live until
// Fetch::start() has copied it; so must the context's site and options, which the snapshot keeps.
FetchJob make_fetch_job(Worker& worker, std::shared_ptr<const Snapshot> snapshot,
                        const RequestContext& context, const http::RequestHead& request, const Asker& asker);

}  // namespace perigee::proxy
