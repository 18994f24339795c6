// What tests read of GET /topology.
#pragma once

#include <string>

#include "edge/base/json.h"
#include "tests/node/support/cluster.h"

namespace perigee::test {

// GET /topology: what `node` has seen of `peer`.
inline Json seen(Cluster& cluster, const std::string& node, const std::string& peer) {
  const Json page = parse_json(cluster.topology(node));
  for (const Json& entry : page["nodes"]) {
    if (entry["name"] == peer) return entry;
  }
  return {};
}

}  // namespace perigee::test
