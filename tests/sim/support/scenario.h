// Everything one simulation is made of, drawn from its seed: regions and nodes, what the origin has, how
// clients behave, what breaks. The same seed and profile are the same scenario.
//
// Thread rule: plain values and pure functions.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "edge/base/clock.h"
#include "tests/sim/support/catalogue.h"
#include "tests/sim/support/fault.h"

namespace perigee::sim {

// Which kind of scenario a seed is made into.
enum class Profile : uint8_t {
  any,         // everything, small enough for a continuous run
  calm,        // no faults: here the strictest invariants hold
  membership,  // nodes of different topologies, and nothing else
  large,       // 20 to 50 nodes
};
std::string_view to_string(Profile profile);
std::optional<Profile> parse_profile(std::string_view text);

struct NodeSpec {
  std::string name;
  std::string region;
  std::string ip;
  uint32_t weight = 1;

  bool operator==(const NodeSpec&) const = default;
};
// One content of the topology file.
using Membership = std::vector<NodeSpec>;

struct TrafficMix {
  double requests_per_second = 20;
  double zipf = 0.9;
  double unsafe = 0.02;
  double head = 0.05;
  double range = 0.1;
  double conditional = 0.1;
  double no_cache = 0.02;
  double leaves = 0.03;
  double slow = 0.02;
  double far = 0.1;  // asks a node of another region
  double purges_per_second = 0;
};

struct Scenario {
  uint64_t seed = 0;
  Profile profile = Profile::any;
  Duration lasts{};
  unsigned workers = 1;
  uint64_t budget_bytes = 0;  // of a node's store
  uint32_t stale_if_disconnected_s = 0;
  std::string shield;                   // a region; empty: none
  std::string purge_log;                // the node that orders purges, in every membership; empty: none
  std::vector<Membership> memberships;  // the first is the usual one and holds every node
  std::vector<Duration> region_delays;  // one way, from each region to a common middle
  std::vector<Resource> catalogue;
  TrafficMix traffic;
  std::vector<Fault> faults;
  bool short_writes = false;  // streams of nodes take and give few bytes at a time

  const Membership& nodes() const { return memberships.front(); }
  std::vector<std::string> regions() const;
};

// lasts: how much of the world's time has traffic; zero: what the profile says.
Scenario make_scenario(uint64_t seed, Profile profile, Duration lasts = {});

// A paragraph for a person.
std::string describe(const Scenario& scenario);

}  // namespace perigee::sim
