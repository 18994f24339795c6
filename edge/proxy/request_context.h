// What the edge knows of one request before it does anything for it: site, key, policy, where it came from.
// Built on the stack for every request; an exchange keeps a copy with its own key bytes.
//
// Thread rule: one worker's loop; views are good during on_request(). The functions are pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "edge/base/random.h"
#include "edge/cache/key.h"
#include "edge/cache/policy.h"
#include "edge/cache/store.h"
#include "edge/cluster/peer_envelope.h"
#include "edge/proxy/site.h"
#include "edge/serve/handler.h"

namespace perigee::proxy {

struct RequestContext {
  const Site* site = nullptr;
  const CacheRule* rule = nullptr;                // the site's rule that applies; null: none
  const cache::PolicyOptions* options = nullptr;  // the site's, or of the rule
  cache::KeyView key;
  cache::RequestPolicy policy;

  // Over the authenticated peer listener only.
  bool from_peer = false;
  std::string asker;  // the peer's name
  unsigned hop = 0;
  cluster::Tier tier = cluster::Tier::region;
  bool digest_agrees = true;
  bool only_if_cached = false;           // nothing may be fetched for it, nor validated
  std::optional<uint64_t> invalidation;  // of the URL, which the peer knows of
  bool shows_certificate = false;        // the client, to a site that asks for one
  Duration head_deadline{};              // from now

  cache::Decision decision;
  const cache::StoredResponse* stored = nullptr;  // what the look-up found, fresh or not
  bool hit_for_miss = false;
  bool incomplete = false;  // `stored` may be used, but bytes that the answer needs are not here
  // Nobody can tell whether it was purged: not to be used without validation, not even in place of an error.
  bool unverified = false;
};

// The steps from a request to its decision, as the hit path and GET /explain take them, in this order.

// Site and its options, by the host. False: no such site.
bool choose_site(const SiteTable& sites, std::string_view authority, RequestContext& context);
// The rule of the site that applies, by the path in the key: not by its spelling, which the client chooses.
void choose_rule(RequestContext& context);
// What the request says of caching. False: the store need not be asked.
bool asks_store(const http::RequestHead& request, RequestContext& context);
// The decision, from what the store has (nothing when it was not asked). random: as for plan_stored().
void decide_on(const http::RequestHead& request, const cache::Lookup& found, WallTime now, Random& random,
               RequestContext& context);

}  // namespace perigee::proxy
