// The caching decisions of RFC 9111, as pure functions of (request, stored metadata, now, options). Nothing
// here does I/O or reads a clock; every answer is a closed enum with a printable name.
//
// What is always true:
//   - A stale response is never reused against must-revalidate, proxy-revalidate, s-maxage or no-cache (RFC
//   9111 4.2.4).
//   - Nothing with no-store or private, nothing a request forbade to store, no answer to Authorization that
//   was not marked
//     for sharing (RFC 9111 3.5), no Vary: * and no partial content is storable.
//   - An answer with Set-Cookie is storable only when the origin meant it to be: with an explicit lifetime or
//   public, never
//     by heuristics or the site's default alone. PolicyOptions::set_cookie narrows that further (RFC
//     9111 7.3).
//   - The first targeted field present decides alone: Cache-Control and Expires then say nothing (RFC
//   9213 2.2).
//   - Statuses that answer the fields of a request rather than its URL (401, 407, 408, 411, 412, 415 to 417,
//   421, 425, 426,
//     428, 429, 431, 511) are not storable, whatever they say: nobody else sent those fields.
//
// What it deliberately does not do: store partial content.
//
// Thread rule: pure functions.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "edge/base/clock.h"
#include "edge/cache/decision_rule.h"
#include "edge/cache/meta.h"
#include "edge/http/cache_control.h"
#include "edge/http/message.h"

namespace perigee::cache {

// What a site lets the cache do; times in seconds.
struct PolicyOptions {
  bool enabled = true;
  int32_t default_freshness_lifetime =
      0;  // for storable answers that say nothing; 0: only what the answer says (or heuristics)
  bool heuristic_freshness = true;  // RFC 9111 4.2.2: 10 % of the time since Last-Modified
  int32_t heuristic_freshness_max = 86400;
  int32_t stale_while_revalidate = 0;  // when the answer does not say
  int32_t stale_if_error = 0;          // when the answer does not say
  int32_t hit_for_miss = 120;          // how long to remember that a key is not storable
  int32_t stale_if_disconnected =
      86400;  // when no upstream could be reached, or none said anything (RFC 9111 4.2.4)
  enum class SetCookie : uint8_t {
    explicit_lifetime,  // storable with max-age, s-maxage, Expires or public
    shared_lifetime,    // storable with s-maxage or public
    never,
  };
  SetCookie set_cookie = SetCookie::explicit_lifetime;
  // Targeted fields (RFC 9213) in the order in which they are asked, before Cache-Control.
  std::vector<std::string> targets = {"cdn-cache-control", "surrogate-control"};
  // By what name Surrogate-Control may speak to this cache, and Surrogate-Capability tells of it.
  std::string surrogate_device = "perigee";
};

// What the first targeted field that is present and understood says; nullopt: Cache-Control decides.
std::optional<http::ResponseCacheControl> targeted_cache_control(const http::FieldList& response,
                                                                 const PolicyOptions& options);

// Why a request goes onward: the fwd values of RFC 9211 2.2.
enum class ForwardReason : uint8_t { bypass, method, uri_miss, vary_miss, miss, request, stale, partial };
std::string_view to_string(ForwardReason reason);  // "uri-miss" and so on

struct Decision {
  enum class Action : uint8_t {
    serve,                         // reuse without asking anybody
    serve_stale_while_revalidate,  // reuse now, validate in the background
    validate,         // ask upstream with the stored validators first (reason says why); serve on 304
    forward,          // not from the store (reason)
    gateway_timeout,  // only-if-cached and nothing reusable: 504
  };
  Action action = Action::forward;
  ForwardReason reason = ForwardReason::uri_miss;
  DecisionRule rule = DecisionRule::nothing_stored;
};
std::string_view to_string(Decision::Action action);

// What the request alone says, parsed once per request.
struct RequestPolicy {
  bool cacheable_method = false;  // GET or HEAD without content: may be answered from the store
  bool no_store = false;
  bool no_cache = false;  // also Pragma: no-cache without Cache-Control
  bool only_if_cached = false;
  bool has_authorization = false;
  bool has_range = false;
  // If-Match or If-Unmodified-Since: only an origin may judge these (RFC 9111 4.3.2).
  bool has_origin_condition = false;
  std::optional<int64_t> max_age;
  std::optional<int64_t> min_fresh;
  std::optional<int64_t> max_stale;       // INT64_MAX without an argument
  std::optional<int64_t> stale_if_error;  // RFC 5861 section 4
};
// Malformed directives count as the restriction they attempt: a broken max-age is 0, a broken max-stale is
// none.
RequestPolicy request_policy(const http::RequestHead& request);

// May a stored response be used for this request now? stored is null when the look-up found nothing (then
// other_variants tells whether other variants of the key exist). Under a hit-for-miss marker that is still
// good the reason is `miss`: go forward without waiting for anybody; under an expired one it is `uri_miss`,
// as if there were none.
Decision decide(const RequestPolicy& request, const ResponseMeta* stored, bool other_variants, WallTime now,
                const PolicyOptions& options);

// Upstream failed or answered 500, 502, 503 or 504 while `stored` needs validation: may it be served all the
// same (stale-if-error, of the response, the site or the request)? disconnected: no upstream could be
// reached, or none said anything, so that PolicyOptions::stale_if_disconnected counts too; an answer, even a
// bad one, is a connection.
bool may_serve_stale_on_error(const RequestPolicy& request, const ResponseMeta& stored, WallTime now,
                              const PolicyOptions& options, bool disconnected = false);

// What arrived from upstream: may it be kept, and may others than the asker have it?
struct Storability {
  bool storable = false;
  std::string_view why_not;  // a literal such as "private", "" when storable
  ResponseMeta meta;         // always filled
};
// request_time and response_time: when the request was sent and when the head arrived (RFC 9111 4.2.3).
Storability judge_response(const http::RequestHead& request, const RequestPolicy& request_policy,
                           const http::ResponseHead& response, WallTime request_time, WallTime response_time,
                           const PolicyOptions& options);
// The answer to a POST, which may satisfy later GETs when it says how long it is fresh and that it represents
// the target itself (RFC 9110 9.3.3). names_target: its Content-Location is the URL that was posted to.
Storability judge_post_response(const http::RequestHead& request, const RequestPolicy& request_policy,
                                const http::ResponseHead& response, bool names_target, WallTime request_time,
                                WallTime response_time, const PolicyOptions& options);

// The metadata of a marker that remembers "do not wait, not storable".
ResponseMeta hit_for_miss_meta(WallTime now, const PolicyOptions& options);

// May a follower that asked with `follower` be answered with a running fill's response, whose metadata just
// arrived? Selecting fields are compared apart (selects() of key.h). Only for storable answers and for
// followers that joined before the head arrived; one that comes later is a request like any other: decide()
// with the arriving metadata must say serve.
//
// A fresh answer is shared (RFC 9111 4: collapsed requests). One that was stale on arrival, max-age=0 above
// all, is shared with the followers that waited for it: the origin made it after they asked, or as good as.
// One with no-cache, or stale with must-revalidate, proxy-revalidate or s-maxage, is not: it may satisfy no
// other request without validation; but what was sent upstream after the follower had asked
// (asked_before_sent) was validated for it, too, as far as staleness goes. A request for a range, with
// no-cache, or for an age or freshness that the answer does not have goes alone.
bool may_follow(const RequestPolicy& follower, const ResponseMeta& arriving, WallTime now,
                bool asked_before_sent = false);

}  // namespace perigee::cache
