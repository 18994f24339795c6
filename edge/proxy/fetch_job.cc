#include "edge/proxy/fetch_job.h"

#include <utility>

#include "edge/proxy/worker.h"

namespace perigee::proxy {

FetchJob make_fetch_job(Worker& worker, std::shared_ptr<const Snapshot> snapshot,
                        const RequestContext& context, const http::RequestHead& request, const Asker& asker) {
  RouteRequest route;
  route.key_hash = context.key.hash;
  route.straight_to_origin = asker.straight_to_origin;
  route.hop = context.hop;
  route.tier = context.tier;
  route.digest_agrees = context.digest_agrees;
  route.asker = context.asker;
  route.spread = asker.heat == cluster::Heat::spread;

  FetchJob job;
  job.plan = plan_route(worker, *snapshot, *context.site, route);
  job.deadline = worker.loop().now() + snapshot->exchange.head_deadline;
  job.snapshot = std::move(snapshot);
  job.site = context.site;
  job.policy_options = context.options;
  job.key = context.key.bytes;
  job.request = &request;
  job.policy = context.policy;
  job.client_ip = asker.ip;
  job.client_scheme = asker.scheme;
  job.client_proof = asker.proof;
  job.from_peer = context.from_peer;
  job.hop = context.hop;
  job.hot = asker.heat != cluster::Heat::cool;
  return job;
}

}  // namespace perigee::proxy
