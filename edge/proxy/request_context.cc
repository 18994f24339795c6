#include "edge/proxy/request_context.h"

#include "edge/cache/sparse_body.h"
#include "edge/http/conditional.h"
#include "edge/proxy/stored_answer.h"
#include "edge/proxy/upstream_request.h"

namespace perigee::proxy {

namespace {

using Action = cache::Decision::Action;

bool connection_names_present_field(const http::FieldList& fields) {
  if (!fields.has(http::FieldId::connection)) return false;
  for (const http::Field& field : fields) {
    switch (field.id) {
      case http::FieldId::connection:
      case http::FieldId::keep_alive:
      case http::FieldId::proxy_connection:
      case http::FieldId::te:
      case http::FieldId::upgrade:
        continue;
      default:
        if (named_in_connection(fields, field.name)) return true;
    }
  }
  return false;
}

// A partial response answers what it has; for the rest it is completed (RFC 9111 3.4).
void look_into(const http::RequestHead& request, WallTime now, Random& random, RequestContext& context) {
  const cache::StoredResponse& stored = *context.stored;
  const auto& body = static_cast<const cache::SparseBody&>(*stored.large_body());
  const StoredPlan plan =
      plan_stored(request, stored.meta().status, stored.head(), body.length(), now, random);
  const bool sends = request.method == http::Method::get && plan.sends_bytes(stored.meta().status);
  if (!sends || !missing_of(plan, body)) return;
  context.incomplete = true;
  context.decision = {context.policy.only_if_cached ? Action::gateway_timeout : Action::forward,
                      cache::ForwardReason::partial, cache::DecisionRule::partial};
}

// As if such a condition were not there (RFC 9110 13.1.1 permits that) where it holds of what is stored;
// where it does not, the origin is asked, with the condition.
bool leaves_to_origin(const http::RequestHead& request, WallTime now, const RequestContext& context) {
  if (!context.policy.has_origin_condition) return false;
  const http::Validators validators = stored_validators(context.stored->head());
  return !http::meets_origin_conditions(request, validators, unix_seconds(now));
}

}  // namespace

bool choose_site(const SiteTable& sites, std::string_view authority, RequestContext& context) {
  context.site = sites.find(host_of(authority));
  if (context.site == nullptr) return false;
  context.options = &context.site->policy;
  return true;
}

void choose_rule(RequestContext& context) {
  if (context.site->rules.empty()) return;
  const std::string_view path = cache::key_parts(context.key.bytes).path;
  for (const CacheRule& rule : context.site->rules) {
    if (!path.starts_with(rule.path_prefix)) continue;
    context.rule = &rule;
    context.options = &rule.policy;
    return;
  }
}

bool asks_store(const http::RequestHead& request, RequestContext& context) {
  context.policy = cache::request_policy(request);
  if (context.only_if_cached) context.policy.only_if_cached = true;
  if (context.shows_certificate) context.policy.has_authorization = true;
  // What Connection names does not go upstream, so no answer can be said to have been selected by it.
  if (connection_names_present_field(request.fields)) context.policy.no_store = true;
  return context.policy.cacheable_method && context.options->enabled;
}

void decide_on(const http::RequestHead& request, const cache::Lookup& found, WallTime now, Random& random,
               RequestContext& context) {
  cache::ResponseMeta of_found;
  if (found.response != nullptr) of_found = found.response->meta();
  const cache::ResponseMeta* const meta = found.response != nullptr ? &of_found : nullptr;
  const bool marker = meta != nullptr && meta->is(cache::ResponseMeta::hit_for_miss);
  context.hit_for_miss = marker && meta->ttl(now) > 0;
  if (!marker) context.stored = found.response;
  context.decision = cache::decide(context.policy, meta, found.other_variants, now, *context.options);
  if (found.purged != cache::PurgeVerdict::kept) {
    context.unverified = found.purged == cache::PurgeVerdict::unverified;
    context.decision = cache::after_purge(context.decision, found.purged, context.policy, *meta);
  }
  const bool serves = context.decision.action == Action::serve ||
                      context.decision.action == Action::serve_stale_while_revalidate;
  if (serves && leaves_to_origin(request, now, context)) {
    context.decision = {context.policy.only_if_cached ? Action::gateway_timeout : Action::forward,
                        cache::ForwardReason::request, cache::DecisionRule::origin_condition};
  } else if (serves && meta->is(cache::ResponseMeta::partial)) {
    look_into(request, now, random, context);
  }
  if (request.upgrade && context.site->allow_upgrade) {
    context.decision = {Action::forward, cache::ForwardReason::bypass, cache::DecisionRule::upgrade};
  }
}

}  // namespace perigee::proxy
