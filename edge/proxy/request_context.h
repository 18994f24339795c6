// What the edge knows of one request before it does anything for it: site, key, policy, where it came from.
// Built on the stack for every request; an exchange keeps a copy with its own key bytes.
//
// Thread rule: one worker's loop; views are good during on_request().
#pragma once

#include <cstdint>

#include "edge/cache/key.h"
#include "edge/cache/policy.h"
#include "edge/cache/store.h"
#include "edge/cluster/peer_envelope.h"
#include "edge/proxy/site.h"
#include "edge/serve/handler.h"

namespace perigee::proxy {

struct RequestContext {
  const Site* site = nullptr;
  const cache::PolicyOptions* options = nullptr;  // the site's, or of the rule that applies
  cache::KeyView key;
  cache::RequestPolicy policy;

  // Over the authenticated peer listener only.
  bool from_peer = false;
  unsigned hop = 0;
  cluster::Tier tier = cluster::Tier::region;
  bool digest_agrees = true;
  Duration head_deadline{};  // from now

  cache::Decision decision;
  const cache::StoredResponse* stored = nullptr;  // what the look-up found, fresh or not
  bool hit_for_miss = false;
  bool incomplete = false;  // `stored` may be used, but bytes that the answer needs are not here
  // Nobody can tell whether it was purged: not to be used without validation, not even in place of an error.
  bool unverified = false;
};

}  // namespace perigee::proxy
