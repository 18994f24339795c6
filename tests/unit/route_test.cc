#include "edge/cluster/route.h"

#include <algorithm>
#include <catch2/catch_test_macros.hpp>
#include <map>
#include <set>

#include "edge/base/random.h"

namespace perigee::cluster {
namespace {

constexpr RegionIndex eu = 0;
constexpr RegionIndex us = 1;

// Nodes 0..4 in eu, 5..7 in us; region 2 is empty.
std::shared_ptr<const Placement> eight_nodes() {
  Topology topology;
  topology.regions = {{"eu", 256}, {"us", 256}, {"empty", 256}};
  topology.nodes.resize(8);
  for (size_t i = 0; i < 8; ++i) {
    topology.nodes[i].name = "n" + std::to_string(i);
    topology.nodes[i].region = i < 5 ? "eu" : "us";
  }
  return Placement::build(topology);
}

constexpr uint64_t key = 0x123456789abcdef0;

struct Fixture {
  std::shared_ptr<const Placement> placement = eight_nodes();
  std::vector<PeerState> states = std::vector<PeerState>(8, PeerState::up);
  RouteQuery query;

  // The first, second or third owner of the key.
  NodeIndex owner(RegionIndex region, size_t rank) const { return placement->owners(region, key)[rank]; }
  // A node of eu that does not own the key.
  NodeIndex bystander() const {
    const auto owners = placement->owners(eu, key);
    NodeIndex node = 0;
    while (std::find(owners.begin(), owners.end(), node) != owners.end()) ++node;
    return node;
  }
  std::vector<Target> plan_from(NodeIndex self) {
    query.self = self;
    query.key_hash = key;
    const Route route = plan(*placement, HealthView(states), query);
    return {route.begin(), route.end()};
  }
};

Target region(NodeIndex node) { return {Tier::region, node}; }
Target shield(NodeIndex node) { return {Tier::shield, node}; }
constexpr Target origin{Tier::origin, 0};
using Targets = std::vector<Target>;

}  // namespace

TEST_CASE("a client's request goes to the owner, the next owner, the shield and the origin",
          "[cluster][route]") {
  Fixture f;
  const NodeIndex self = f.bystander();
  CHECK(f.plan_from(self) == Targets{region(f.owner(eu, 0)), region(f.owner(eu, 1)), origin});
  f.query.shield = us;
  CHECK(f.plan_from(self) ==
        Targets{region(f.owner(eu, 0)), region(f.owner(eu, 1)), shield(f.owner(us, 0)), origin});
}

TEST_CASE("an owner goes straight to the shield or the origin", "[cluster][route]") {
  Fixture f;
  CHECK(f.plan_from(f.owner(eu, 0)) == Targets{origin});
  f.query.shield = us;
  CHECK(f.plan_from(f.owner(eu, 0)) == Targets{shield(f.owner(us, 0)), origin});
}

TEST_CASE("a later owner asks only those before it", "[cluster][route]") {
  Fixture f;
  CHECK(f.plan_from(f.owner(eu, 1)) == Targets{region(f.owner(eu, 0)), origin});
  CHECK(f.plan_from(f.owner(eu, 2)) == Targets{region(f.owner(eu, 0)), region(f.owner(eu, 1)), origin});
  f.states[f.owner(eu, 0)] = PeerState::ejected;
  CHECK(f.plan_from(f.owner(eu, 1)) == Targets{origin});
}

TEST_CASE("ejected and draining peers are passed over", "[cluster][route]") {
  Fixture f;
  f.query.shield = us;
  const NodeIndex self = f.bystander();
  f.states[f.owner(eu, 0)] = PeerState::ejected;
  f.states[f.owner(us, 0)] = PeerState::draining;
  CHECK(f.plan_from(self) ==
        Targets{region(f.owner(eu, 1)), region(f.owner(eu, 2)), shield(f.owner(us, 1)), origin});
  f.states[f.owner(eu, 2)] = PeerState::draining;
  CHECK(f.plan_from(self) == Targets{region(f.owner(eu, 1)), shield(f.owner(us, 1)), origin});
  std::fill(f.states.begin(), f.states.end(), PeerState::ejected);
  CHECK(f.plan_from(self) == Targets{origin});
}

TEST_CASE("the shield region itself and an empty shield region are no extra step", "[cluster][route]") {
  Fixture f;
  f.query.shield = eu;
  CHECK(f.plan_from(f.bystander()) == Targets{region(f.owner(eu, 0)), region(f.owner(eu, 1)), origin});
  f.query.shield = RegionIndex{2};
  CHECK(f.plan_from(f.owner(eu, 0)) == Targets{origin});
}

TEST_CASE("on behalf of a peer no node of the own region is asked", "[cluster][route]") {
  Fixture f;
  f.query.hop = 1;
  f.query.tier = Tier::region;
  for (const NodeIndex self : {f.owner(eu, 0), f.owner(eu, 1), f.bystander()}) {
    f.query.shield.reset();
    CHECK(f.plan_from(self) == Targets{origin});
    f.query.shield = us;
    CHECK(f.plan_from(self) == Targets{shield(f.owner(us, 0)), origin});
  }
}

TEST_CASE("a shield asks the origin only, whatever it takes its own region to be", "[cluster][route]") {
  Fixture f;
  f.query.tier = Tier::shield;
  for (const unsigned hop : {1u, 2u}) {
    for (const RegionIndex site_shield : {eu, us}) {
      f.query.hop = hop;
      f.query.shield = site_shield;
      CHECK(f.plan_from(f.owner(us, 0)) == Targets{origin});
      CHECK(f.plan_from(f.bystander()) == Targets{origin});
    }
  }
}

TEST_CASE("asked by a node of another digest, only the origin is asked", "[cluster][route]") {
  Fixture f;
  f.query.shield = us;
  f.query.hop = 1;
  f.query.same_digest = false;
  CHECK(f.plan_from(f.owner(eu, 0)) == Targets{origin});
  CHECK(f.plan_from(f.bystander()) == Targets{origin});
}

TEST_CASE("the last permitted hop asks the origin only", "[cluster][route]") {
  Fixture f;
  f.query.shield = us;
  f.query.hop = hops_max;
  CHECK(f.plan_from(f.owner(eu, 0)) == Targets{origin});
  CHECK(hop_allowed(hops_max));
  CHECK_FALSE(hop_allowed(hops_max + 1));
}

TEST_CASE("any plan ends with the origin, names no node twice and never the node itself",
          "[cluster][route]") {
  const auto placement = eight_nodes();
  Random random(5);
  for (int round = 0; round < 20'000; ++round) {
    std::vector<PeerState> states(8);
    for (PeerState& state : states) state = static_cast<PeerState>(random.below(3));
    RouteQuery query;
    query.self = static_cast<NodeIndex>(random.below(8));
    query.key_hash = random.next();
    if (random.chance(0.7)) query.shield = static_cast<RegionIndex>(random.below(3));
    query.hop = static_cast<unsigned>(random.below(3));
    query.tier = random.chance(0.5) ? Tier::region : Tier::shield;
    query.same_digest = random.chance(0.8);
    const Route route = plan(*placement, HealthView(states), query);
    REQUIRE(route.size() >= 1);
    REQUIRE(route.size() <= targets_max);
    std::set<NodeIndex> seen;
    for (size_t i = 0; i < route.size(); ++i) {
      REQUIRE((route[i].tier == Tier::origin) == (i + 1 == route.size()));
      if (route[i].tier == Tier::origin) continue;
      REQUIRE(route[i].node != query.self);
      REQUIRE(states[route[i].node] == PeerState::up);
      REQUIRE(seen.insert(route[i].node).second);
      REQUIRE((i == 0 || route[i - 1].tier <= route[i].tier));
    }
  }
}

// Every node may believe in another membership; a request is followed through the worst choices.
TEST_CASE("no disagreement makes a request cross more than two arrows", "[cluster][route]") {
  const auto placement = eight_nodes();
  Random random(9);
  for (int round = 0; round < 20'000; ++round) {
    RouteQuery query;
    query.self = static_cast<NodeIndex>(random.below(8));
    query.key_hash = random.next();
    unsigned arrows = 0;
    for (;;) {
      query.shield = static_cast<RegionIndex>(random.below(3));
      query.same_digest = random.chance(0.5);
      std::vector<PeerState> states(8);
      for (PeerState& state : states) state = random.chance(0.3) ? PeerState::ejected : PeerState::up;
      const Route route = plan(*placement, HealthView(states), query);
      const Target next = route[random.below(route.size())];
      if (next.tier == Tier::origin) break;
      ++arrows;
      // Where the node believes to be in a wrong region is another node's view of itself.
      query.self = random.chance(0.5) ? next.node : static_cast<NodeIndex>(random.below(8));
      query.hop += 1;
      query.tier = next.tier;
      REQUIRE(hop_allowed(query.hop));
    }
    REQUIRE(arrows <= hops_max);
  }
}

// Loads by node, and who is above the bound.
struct Loads final : PeerLoads {
  bool above_bound(NodeIndex node) const override { return busy.count(node) != 0; }
  double load(NodeIndex node) const override { return loads.count(node) != 0 ? loads.at(node) : 0; }
  std::set<NodeIndex> busy;
  std::map<NodeIndex, double> loads;
};

TEST_CASE("a busy owner gives way to the next, and to the node itself when that is next",
          "[cluster][route]") {
  Fixture f;
  Loads loads;
  const HealthView health;
  loads.busy = {f.owner(eu, 0)};
  f.query.key_hash = key;
  f.query.self = f.bystander();
  RouteNotes notes;
  Route route = plan(*f.placement, health, f.query, &loads, &notes);
  CHECK(Targets(route.begin(), route.end()) ==
        Targets{region(f.owner(eu, 1)), region(f.owner(eu, 0)), origin});
  CHECK(notes.skipped == f.owner(eu, 0));

  f.query.self = f.owner(eu, 1);
  route = plan(*f.placement, health, f.query, &loads, &notes);
  CHECK(Targets(route.begin(), route.end()) == Targets{origin});

  // When the next is busy too, nothing is gained.
  loads.busy = {f.owner(eu, 0), f.owner(eu, 1)};
  f.query.self = f.bystander();
  notes = {};
  route = plan(*f.placement, health, f.query, &loads, &notes);
  CHECK(Targets(route.begin(), route.end()) ==
        Targets{region(f.owner(eu, 0)), region(f.owner(eu, 1)), origin});
  CHECK(!notes.skipped);
}

TEST_CASE("a key that is spread goes to the less busy of its first two owners", "[cluster][route]") {
  Fixture f;
  Loads loads;
  f.query.key_hash = key;
  f.query.self = f.bystander();
  const auto first = [&] { return plan(*f.placement, HealthView(), f.query, &loads)[0].node; };
  loads.loads = {{f.owner(eu, 0), 3.0}, {f.owner(eu, 1), 2.0}};
  CHECK(first() == f.owner(eu, 0));
  f.query.spread = true;
  CHECK(first() == f.owner(eu, 1));
  loads.loads[f.owner(eu, 1)] = 4.0;
  CHECK(first() == f.owner(eu, 0));
  loads.loads[f.owner(eu, 1)] = 3.0;
  CHECK(first() == f.owner(eu, 0));
  f.query.coin = true;
  CHECK(first() == f.owner(eu, 1));
}

TEST_CASE("a load is too high above its share of the mean and above the floor", "[cluster][route]") {
  const LoadBound bound{125, 16};
  CHECK(within_bound(16, 0, bound));
  CHECK(!within_bound(17, 0, bound));
  CHECK(within_bound(125, 100, bound));
  CHECK(!within_bound(126, 100, bound));
  CHECK(within_bound(1e9, 1, LoadBound{0, 16}));
}

TEST_CASE("announced loads are smoothed, and forgotten without news", "[cluster][route]") {
  using std::chrono::milliseconds;
  using std::chrono::seconds;
  const MonoTime start{seconds(1000)};
  SmoothedLoad load;
  CHECK(load.at(start) == 0);
  load.announce(100, start);
  CHECK(load.at(start) == 100);
  load.announce(0, start + milliseconds(100));
  CHECK(load.at(start + milliseconds(100)) > 80);
  CHECK(load.at(start + seconds(10)) < 10);
}

}  // namespace perigee::cluster
