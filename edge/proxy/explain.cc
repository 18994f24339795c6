#include "edge/proxy/explain.h"

#include "edge/cache/stored_head.h"
#include "edge/cluster/route.h"
#include "edge/proxy/request_context.h"
#include "edge/proxy/stored_answer.h"

namespace perigee::proxy {

namespace {

using Action = cache::Decision::Action;

struct UrlParts {
  std::string_view scheme;
  std::string_view authority;
  std::string_view path;
};

// A fragment never reaches a server.
std::optional<UrlParts> split(std::string_view url) {
  url = url.substr(0, url.find('#'));
  const size_t colon = url.find("://");
  if (colon == std::string_view::npos) return std::nullopt;
  const std::string_view rest = url.substr(colon + 3);
  const size_t end = std::min(rest.find_first_of("/?"), rest.size());
  return UrlParts{url.substr(0, colon), rest.substr(0, end), rest.substr(end)};
}

http::RequestHead request_of(const ExplainQuery& query, const UrlParts& url) {
  http::RequestHead request;
  request.method = http::parse_method(query.method);
  request.method_text = query.method;
  request.authority = url.authority;
  request.path = url.path.empty() ? std::string_view("/") : url.path;
  for (const auto& [name, value] : query.fields) request.fields.add(name, value);
  return request;
}

ExplainedResponse describe(const cache::StoredResponse& stored, WallTime now,
                           const cache::PolicyOptions& options) {
  ExplainedResponse out;
  out.meta = stored.meta();
  out.selecting = cache::selecting_fields(stored.selecting());
  const http::ResponseHead head = cache::read_stored_head(stored.head());
  for (const http::Field& field : head.fields) out.fields.emplace_back(field.name, field.value);
  out.body_bytes = stored.body_length();
  out.stored_bytes = stored.has_small_body() ? out.body_bytes : stored.large_body()->resident();
  out.sum = cache::freshness_sum(head.fields, stored.meta(), now, options);
  return out;
}

void add_owners(const Snapshot& snapshot, uint64_t key_hash, Explanation& out) {
  const cluster::ClusterView& view = *snapshot.cluster;
  for (size_t i = 0; i < view.topology.regions.size(); ++i) {
    auto& [region, names] = out.owners.emplace_back();
    region = view.topology.regions[i].name;
    for (const cluster::NodeIndex node :
         view.placement->owners(static_cast<cluster::RegionIndex>(i), key_hash)) {
      names.push_back(view.topology.nodes[node].name);
    }
  }
}

// As Exchange::begin() and plan_route() would have it.
bool goes_straight_to_origin(const http::RequestHead& request, const RequestContext& context) {
  const bool read = request.method == http::Method::get || request.method == http::Method::head;
  return !read || context.hit_for_miss || context.decision.reason == cache::ForwardReason::bypass;
}

void add_route(const Snapshot& snapshot, const cluster::HealthView& health, const http::RequestHead& request,
               const RequestContext& context, Explanation& out) {
  const cluster::ClusterView& view = *snapshot.cluster;
  if (snapshot.has_peers() && !goes_straight_to_origin(request, context)) {
    cluster::RouteQuery query;
    query.self = view.self;
    query.key_hash = context.key.hash;
    const std::string& shield = context.site->shield_region;
    if (!shield.empty()) query.shield = view.topology.find_region(shield);
    for (const cluster::Target& target : cluster::plan(*view.placement, health, query)) {
      if (target.tier != cluster::Tier::origin)
        out.asks.push_back("peer " + view.topology.nodes[target.node].name);
    }
  }
  out.asks.push_back("origin " + context.site->origin->name);
}

void add_consequence(const Snapshot& snapshot, const cluster::HealthView& health,
                     const http::RequestHead& request, const RequestContext& context, WallTime now,
                     Random& random, Explanation& out) {
  switch (context.decision.action) {
    case Action::gateway_timeout:
      out.status = 504;
      return;
    case Action::serve:
    case Action::serve_stale_while_revalidate: {
      const cache::StoredResponse& stored = *context.stored;
      out.status =
          plan_stored(request, stored.meta().status, stored.head(), stored.body_length(), now, random).status;
      if (context.decision.action == Action::serve) return;
      break;
    }
    case Action::validate:
    case Action::forward:
      break;
  }
  add_route(snapshot, health, request, context, out);
}

void add_stored(cache::Reader& reader, const RequestContext& context, WallTime now, Explanation& out) {
  for (const cache::StoredResponse* stored : reader.all(context.key)) {
    if (stored->meta().is(cache::ResponseMeta::hit_for_miss)) {
      out.hit_for_miss_s = stored->meta().ttl(now);
      continue;
    }
    out.stored.push_back(describe(*stored, now, *context.options));
    out.stored.back().selected = stored == context.stored;
  }
}

}  // namespace

Result<Explanation> explain(const ExplainQuery& query, const Snapshot& snapshot,
                            const cluster::HealthView& health, cache::Reader& reader, WallTime now) {
  const auto url = split(query.url);
  Explanation out;
  if (!url || !cache::build_key(url->scheme, url->authority, url->path, out.key)) {
    return fail(Side::client, "bad_url", "found \"" + query.url + "\", expected an http or https URL");
  }
  const http::RequestHead request = request_of(query, *url);
  RequestContext context;
  if (!choose_site(*snapshot.sites, url->authority, context)) {
    return fail(Side::client, "no_such_site", "no site has the host of " + out.key);
  }
  context.key = {out.key, cache::key_hash(out.key)};
  choose_rule(context);
  cache::Lookup found;
  if (asks_store(request, context)) found = reader.peek(context.key, request.fields);
  Random random(0);  // a boundary that nobody gets to see
  decide_on(request, found, now, random, context);
  out.site = context.site->name;
  if (context.rule != nullptr) out.rule_prefix = context.rule->path_prefix;
  out.decision = context.decision;
  add_owners(snapshot, context.key.hash, out);
  add_stored(reader, context, now, out);
  add_consequence(snapshot, health, request, context, now, random, out);
  reader.turn_end();
  return out;
}

}  // namespace perigee::proxy
