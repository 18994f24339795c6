// What a topology would do with some traffic, by real nodes on a simulated network: how much of it reaches
// the origin, how the load falls on the nodes, how often something is stored where it is asked for.
//
// Thread rule: one thread.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "tests/sim/support/scenario.h"

namespace perigee::sim {

struct LoadOptions {
  Membership nodes;    // ip is not looked at
  std::string shield;  // a region; empty: none
  uint64_t requests = 20'000;
  double requests_per_second = 500;
  size_t urls = 2'000;
  double zipf = 0.9;
  uint64_t bytes = 8'000;  // of a body, on average
  uint32_t lifetime_s = 600;
  uint64_t budget_bytes = 64 << 20;  // of a node's store
  uint64_t seed = 1;
};

struct NodeLoad {
  std::string name;
  std::string region;
  uint32_t weight = 1;
  uint64_t client_requests = 0;
  uint64_t peer_requests = 0;    // of other nodes
  uint64_t origin_requests = 0;  // sent by this node
  uint64_t hits = 0;             // answered from its store, to clients and peers
};

struct LoadReport {
  uint64_t requests = 0;
  uint64_t failed = 0;
  uint64_t origin_requests = 0;
  uint64_t hits_here = 0;        // stored at the node that was asked
  uint64_t hits_there = 0;       // stored at another
  double busiest_over_mean = 0;  // of client and peer requests by weight
  std::vector<NodeLoad> nodes;

  // The share of requests that cost the origin nothing.
  double offload() const;
  double hit_ratio() const;
};

LoadReport run_load(const LoadOptions& options);

// One line.
std::string to_json(const LoadOptions& options, const LoadReport& report);

}  // namespace perigee::sim
