// What this node knows of a URL, and what it would do with a request for it now: GET /explain. The decision
// is made by the functions that the hit path calls, on a look-up that counts as no use.
//
// What it does not see: fills under way, limits of upstreams, and what other nodes have stored.
//
// Thread rule: the loop that the Reader belongs to.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "edge/base/result.h"
#include "edge/cache/freshness_sum.h"
#include "edge/cache/key.h"
#include "edge/cache/reader.h"
#include "edge/cluster/peer_health.h"
#include "edge/proxy/snapshot.h"

namespace perigee::proxy {

struct ExplainQuery {
  std::string url;  // absolute
  std::string method = "GET";
  std::vector<std::pair<std::string, std::string>> fields;
};

struct ExplainedResponse {
  bool selected = false;  // the one that the request would be answered with, fresh or not
  cache::ResponseMeta meta;
  std::vector<cache::SelectingField> selecting;
  std::vector<std::pair<std::string, std::string>> fields;
  uint64_t body_bytes = 0;    // of the representation
  uint64_t stored_bytes = 0;  // less when only parts of it are here
  std::vector<cache::SumLine> sum;
};

struct Explanation {
  std::string key;
  std::string site;
  std::string rule_prefix;  // of the site's rule that applies; empty: none
  // Region and its owners of the key, best first.
  std::vector<std::pair<std::string, std::vector<std::string>>> owners;
  std::vector<ExplainedResponse> stored;  // newest first
  std::optional<int64_t> hit_for_miss_s;  // what is left of a marker
  cache::Decision decision;
  int status = 0;                 // answered without asking anybody; 0: somebody is asked
  std::vector<std::string> asks;  // "peer eu-2", "origin main", in order
};

// Errors of side client: "bad_url" for what is no http or https URL, "no_such_site".
Result<Explanation> explain(const ExplainQuery& query, const Snapshot& snapshot,
                            const cluster::HealthView& health, cache::Reader& reader, WallTime now);

}  // namespace perigee::proxy
