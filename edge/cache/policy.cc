#include "edge/cache/policy.h"

#include <limits>

#include "edge/http/cache_control.h"

namespace perigee::cache {

namespace {

using Action = Decision::Action;
using Rule = DecisionRule;

// Broken directives restrict: a lifetime that cannot be read is none.
std::optional<int64_t> restriction(const http::DeltaSeconds& delta, int64_t when_invalid) {
  if (!delta.present()) return std::nullopt;
  return delta.valid() ? delta.seconds : when_invalid;
}

// The response must be asked for again, with its validators if it has any.
Decision ask_again(const RequestPolicy& request, const ResponseMeta& stored, ForwardReason reason,
                   Rule rule) {
  if (request.only_if_cached) return {Action::gateway_timeout, reason, rule};
  const bool validators = stored.is(ResponseMeta::has_etag) || stored.is(ResponseMeta::has_last_modified);
  return {validators ? Action::validate : Action::forward, reason, rule};
}

Decision forward(const RequestPolicy& request, ForwardReason reason, Rule rule) {
  return {request.only_if_cached ? Action::gateway_timeout : Action::forward, reason, rule};
}

// RFC 9111 5.2.1.1 and 5.2.1.3: what the client wants beyond freshness.
bool satisfies(const RequestPolicy& request, int64_t current_age, int64_t ttl) {
  if (request.max_age && current_age > *request.max_age) return false;
  return !request.min_fresh || ttl >= *request.min_fresh;
}

Decision decide_stale(const RequestPolicy& request, const ResponseMeta& stored, int64_t ttl) {
  const int64_t staleness = -ttl;
  // RFC 9111 4.2.4: no stale response against an explicit prohibition.
  if (stored.is(ResponseMeta::must_revalidate)) {
    return ask_again(request, stored, ForwardReason::stale, Rule::must_revalidate);
  }
  if (request.max_stale && staleness <= *request.max_stale) {
    return {Action::serve, ForwardReason::stale, Rule::max_stale};
  }
  // RFC 9111 5.2.1.1: who names a max-age does not wish for a stale response.
  if (!request.max_age && staleness <= stored.stale_while_revalidate && stored.stale_while_revalidate > 0) {
    return {request.only_if_cached ? Action::serve : Action::serve_stale_while_revalidate,
            ForwardReason::stale, Rule::stale_while_revalidate};
  }
  return ask_again(request, stored, ForwardReason::stale, Rule::stale);
}

}  // namespace

std::string_view to_string(ForwardReason reason) {
  switch (reason) {
    case ForwardReason::bypass:
      return "bypass";
    case ForwardReason::method:
      return "method";
    case ForwardReason::uri_miss:
      return "uri-miss";
    case ForwardReason::vary_miss:
      return "vary-miss";
    case ForwardReason::miss:
      return "miss";
    case ForwardReason::request:
      return "request";
    case ForwardReason::stale:
      return "stale";
    case ForwardReason::partial:
      return "partial";
  }
  return "miss";
}

std::string_view to_string(Decision::Action action) {
  switch (action) {
    case Action::serve:
      return "serve";
    case Action::serve_stale_while_revalidate:
      return "serve_stale_while_revalidate";
    case Action::validate:
      return "validate";
    case Action::forward:
      return "forward";
    case Action::gateway_timeout:
      return "gateway_timeout";
  }
  return "forward";
}

RequestPolicy request_policy(const http::RequestHead& request) {
  RequestPolicy policy;
  const bool content = request.framing == http::Framing::chunked || request.content_length > 0;
  policy.cacheable_method =
      (request.method == http::Method::get || request.method == http::Method::head) && !content;
  // RFC 9440 3.2: what was said to whoever showed a certificate is as personal as what a password gets.
  policy.has_authorization =
      request.fields.has_any(http::field_set(http::FieldId::authorization, http::FieldId::client_cert));
  // RFC 9110 14.2: Range means something with GET only.
  policy.has_range = request.method == http::Method::get && request.fields.has(http::FieldId::range);
  policy.has_origin_condition =
      request.fields.has_any(http::field_set(http::FieldId::if_match, http::FieldId::if_unmodified_since));
  if (!request.fields.has(http::FieldId::cache_control)) {
    // RFC 9111 5.4
    policy.no_cache = request.fields.has(http::FieldId::pragma) && http::has_pragma_no_cache(request.fields);
    return policy;
  }
  const http::RequestCacheControl control = http::parse_request_cache_control(request.fields);
  policy.no_store = control.no_store;
  policy.no_cache = control.no_cache;
  policy.only_if_cached = control.only_if_cached;
  policy.max_age = restriction(control.max_age, 0);
  policy.min_fresh = restriction(control.min_fresh, http::delta_seconds_max);
  if (control.max_stale.valid()) policy.max_stale = control.max_stale.seconds;
  if (control.max_stale_any && !control.max_stale.present())
    policy.max_stale = std::numeric_limits<int64_t>::max();
  if (control.stale_if_error.valid()) policy.stale_if_error = control.stale_if_error.seconds;
  return policy;
}

Decision decide(const RequestPolicy& request, const ResponseMeta* stored, bool other_variants, WallTime now,
                const PolicyOptions& options) {
  if (!request.cacheable_method) return {Action::forward, ForwardReason::method, Rule::method};
  if (!options.enabled) return forward(request, ForwardReason::bypass, Rule::disabled);
  if (stored == nullptr) {
    return other_variants ? forward(request, ForwardReason::vary_miss, Rule::other_variants)
                          : forward(request, ForwardReason::uri_miss, Rule::nothing_stored);
  }
  const int64_t current_age = stored->current_age(now);
  const int64_t ttl = stored->freshness_lifetime - current_age;
  if (stored->is(ResponseMeta::hit_for_miss)) {
    return ttl > 0 ? forward(request, ForwardReason::miss, Rule::hit_for_miss)
                   : forward(request, ForwardReason::uri_miss, Rule::nothing_stored);
  }
  if (request.no_cache) return ask_again(request, *stored, ForwardReason::request, Rule::request_no_cache);
  if (stored->is(ResponseMeta::no_cache)) {
    return ask_again(request, *stored, ForwardReason::stale, Rule::response_no_cache);
  }
  if (!satisfies(request, current_age, ttl)) {
    return ask_again(request, *stored, ttl > 0 ? ForwardReason::request : ForwardReason::stale,
                     Rule::request_freshness);
  }
  if (ttl > 0) return {Action::serve, ForwardReason::uri_miss, Rule::fresh};
  return decide_stale(request, *stored, ttl);
}

bool may_serve_stale_on_error(const RequestPolicy& request, const ResponseMeta& stored, WallTime now,
                              const PolicyOptions& options, bool disconnected) {
  if (!options.enabled || !request.cacheable_method || stored.is(ResponseMeta::hit_for_miss)) return false;
  if (request.no_cache || stored.is(ResponseMeta::no_cache)) return false;
  if (request.has_origin_condition) return false;
  const int64_t staleness = -stored.ttl(now);
  if (staleness < 0) return true;
  if (stored.is(ResponseMeta::must_revalidate)) return false;
  const auto within = [staleness](int64_t allowed) { return allowed > 0 && staleness <= allowed; };
  return within(stored.stale_if_error) || within(stored.stale_while_revalidate) ||
         within(request.stale_if_error.value_or(0)) || within(request.max_stale.value_or(0)) ||
         (disconnected && within(options.stale_if_disconnected));
}

ResponseMeta hit_for_miss_meta(WallTime now, const PolicyOptions& options) {
  ResponseMeta meta;
  meta.set_response_time(now);
  meta.freshness_lifetime = options.hit_for_miss;
  meta.flags = ResponseMeta::hit_for_miss;
  return meta;
}

bool may_follow(const RequestPolicy& follower, const ResponseMeta& arriving, WallTime now,
                bool asked_before_sent) {
  if (!follower.cacheable_method || follower.has_range || follower.no_cache || follower.only_if_cached)
    return false;
  if (follower.has_origin_condition) return false;
  if (arriving.is(ResponseMeta::hit_for_miss) || arriving.is(ResponseMeta::no_cache)) return false;
  const int64_t current_age = arriving.current_age(now);
  const int64_t ttl = arriving.freshness_lifetime - current_age;
  if (!satisfies(follower, current_age, ttl)) return false;
  return ttl > 0 || asked_before_sent || !arriving.is(ResponseMeta::must_revalidate);
}

}  // namespace perigee::cache
