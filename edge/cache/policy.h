// The caching decisions of RFC 9111, as pure functions of (request, stored metadata, now, options). Nothing here does
// I/O or reads a clock; every answer is a closed enum with a printable name.
//
// Thread rule: pure functions.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "edge/base/clock.h"
#include "edge/cache/meta.h"
#include "edge/http/message.h"

namespace perigee::cache {

// What a site lets the cache do; times in seconds.
struct PolicyOptions {
  bool enabled = true;
  int32_t default_freshness_lifetime = 0;   // for storable answers that say nothing; 0: only what the answer says (or heuristics)
  bool heuristic_freshness = true;          // RFC 9111 4.2.2: 10 % of the time since Last-Modified
  int32_t heuristic_freshness_max = 86400;
  int32_t stale_while_revalidate = 0;       // when the answer does not say
  int32_t stale_if_error = 0;               // when the answer does not say
  int32_t hit_for_miss = 120;               // how long to remember that a key is not storable
};

// Why a request goes onward: the fwd values of RFC 9211 2.2.
enum class ForwardReason : uint8_t { bypass, method, uri_miss, vary_miss, miss, request, stale, partial };
std::string_view to_string(ForwardReason reason);  // "uri-miss" and so on

struct Decision {
  enum class Action : uint8_t {
    serve,                         // reuse without asking anybody
    serve_stale_while_revalidate,  // reuse now, validate in the background
    validate,                      // ask upstream with the stored validators first (reason says why); serve on 304
    forward,                       // not from the store (reason)
    gateway_timeout,               // only-if-cached and nothing reusable: 504
  };
  Action action = Action::forward;
  ForwardReason reason = ForwardReason::uri_miss;
};
std::string_view to_string(Decision::Action action);

// What the request alone says, parsed once per request.
struct RequestPolicy {
  bool cacheable_method = false;   // GET or HEAD: may be answered from the store
  bool no_store = false;
  bool no_cache = false;           // also Pragma: no-cache without Cache-Control
  bool only_if_cached = false;
  bool has_authorization = false;
  bool has_range = false;
  std::optional<int64_t> max_age;
  std::optional<int64_t> min_fresh;
  std::optional<int64_t> max_stale;  // INT64_MAX without an argument
};
RequestPolicy request_policy(const http::RequestHead& request);

// May a stored response be used for this request now? stored is null when the look-up found nothing (then variants tells
// whether other variants of the key exist).
Decision decide(const RequestPolicy& request, const ResponseMeta* stored, bool other_variants, WallTime now,
                const PolicyOptions& options);

// Upstream failed or answered 500, 502, 503 or 504 while `stored` is stale: may it be served all the same (stale-if-error)?
bool may_serve_stale_on_error(const RequestPolicy& request, const ResponseMeta& stored, WallTime now,
                              const PolicyOptions& options);

// What arrived from upstream: may it be kept, and may others than the asker have it?
struct Storability {
  bool storable = false;
  std::string_view why_not;  // a literal, "" when storable
  ResponseMeta meta;         // filled when storable
};
// request_time and response_time: when the request was sent and when the head arrived (RFC 9111 4.2.3).
Storability judge_response(const http::RequestHead& request, const RequestPolicy& request_policy,
                           const http::ResponseHead& response, WallTime request_time, WallTime response_time,
                           const PolicyOptions& options);

// May a follower that asked with `follower` be answered with a running fill's response, whose metadata just arrived? Selecting fields are
// compared apart (vary.h).
bool may_follow(const RequestPolicy& follower, const ResponseMeta& arriving, WallTime now);

}  // namespace perigee::cache
