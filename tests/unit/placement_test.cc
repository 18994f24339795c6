#include "edge/cluster/placement.h"

#include <algorithm>
#include <catch2/catch_test_macros.hpp>
#include <cmath>
#include <map>

#include "edge/base/hash.h"
#include "edge/base/random.h"

namespace perigee::cluster {
namespace {

struct Fleet {
  std::vector<std::string> names;
  std::vector<uint32_t> weights;

  PlacementTable table(uint32_t slots = 0) const {
    std::vector<PlacementTable::Member> members;
    for (size_t i = 0; i < names.size(); ++i)
      members.push_back({names[i], weights[i], static_cast<NodeIndex>(i)});
    return PlacementTable(members, slots != 0 ? slots : default_slots(names.size()));
  }
};

Fleet equal_nodes(size_t count, const std::string& prefix = "edge-") {
  Fleet fleet;
  for (size_t i = 0; i < count; ++i) fleet.names.push_back(prefix + std::to_string(i));
  fleet.weights.assign(count, 1);
  return fleet;
}

std::vector<double> shares(const PlacementTable& table, size_t nodes) {
  std::vector<double> share(nodes);
  for (uint32_t slot = 0; slot < table.slots(); ++slot)
    share[table.owners_of_slot(slot)[0]] += 1.0 / table.slots();
  return share;
}

double busiest_over_mean(const PlacementTable& table, size_t nodes) {
  const auto share = shares(table, nodes);
  return *std::max_element(share.begin(), share.end()) * static_cast<double>(nodes);
}

// Share of slots whose first owner, by name, differs.
double moved(const Fleet& a, const PlacementTable& in_a, const Fleet& b, const PlacementTable& in_b) {
  uint32_t count = 0;
  for (uint32_t slot = 0; slot < in_a.slots(); ++slot) {
    if (a.names[in_a.owners_of_slot(slot)[0]] != b.names[in_b.owners_of_slot(slot)[0]]) ++count;
  }
  return static_cast<double>(count) / in_a.slots();
}

}  // namespace

TEST_CASE("the busiest of equal nodes is close to the mean", "[cluster][placement]") {
  const struct {
    size_t nodes;
    double limit;
  } table[] = {{2, 1.02}, {3, 1.02}, {5, 1.04}, {10, 1.08}, {50, 1.10}, {500, 1.12}};
  for (const auto& row : table) {
    INFO(row.nodes << " nodes");
    const double found = busiest_over_mean(equal_nodes(row.nodes).table(), row.nodes);
    CHECK(found >= 1.0);
    CHECK(found <= row.limit);
  }
}

TEST_CASE("balance does not hang on lucky names", "[cluster][placement]") {
  for (const std::string prefix : {"a", "cache-fra-", "n", "edge.example.org-"}) {
    INFO(prefix);
    CHECK(busiest_over_mean(equal_nodes(10, prefix).table(), 10) <= 1.03);
    CHECK(busiest_over_mean(equal_nodes(50, prefix).table(), 50) <= 1.05);
  }
}

TEST_CASE("shares follow weights within 3 %", "[cluster][placement]") {
  const std::vector<uint32_t> table[] = {{1, 2},          {1, 2, 3, 4}, {5, 1, 1, 1, 1, 5},
                                         {100, 150, 200}, {1, 10},      {7, 7, 7, 1}};
  for (const auto& weights : table) {
    Fleet fleet = equal_nodes(weights.size());
    fleet.weights = weights;
    uint32_t total = 0;
    for (uint32_t weight : weights) total += weight;
    const auto share = shares(fleet.table(), weights.size());
    for (size_t i = 0; i < weights.size(); ++i) {
      INFO("weight " << weights[i] << " of " << total << " has share " << share[i]);
      CHECK(std::abs(share[i] * total / weights[i] - 1.0) <= 0.03);
    }
  }
}

TEST_CASE("equal weights place alike whatever their size", "[cluster][placement]") {
  const Fleet light = equal_nodes(5);
  Fleet heavy = light;
  heavy.weights.assign(5, 9'999);
  CHECK(moved(light, light.table(1024), heavy, heavy.table(1024)) == 0.0);
}

TEST_CASE("when a node leaves only what it owned moves", "[cluster][placement]") {
  for (const size_t count : {3u, 10u, 50u}) {
    Fleet all = equal_nodes(count);
    for (size_t i = 0; i < count; ++i) all.weights[i] = 1 + static_cast<uint32_t>(i % 3);
    const PlacementTable before = all.table();
    for (const size_t leaver : {size_t{0}, count / 2, count - 1}) {
      Fleet rest = all;
      rest.names.erase(rest.names.begin() + static_cast<std::ptrdiff_t>(leaver));
      rest.weights.erase(rest.weights.begin() + static_cast<std::ptrdiff_t>(leaver));
      INFO(count << " nodes without " << leaver);
      const double minimum = shares(before, count)[leaver];
      CHECK(std::abs(moved(all, before, rest, rest.table()) - minimum) < 1e-9);
    }
  }
}

TEST_CASE("the next owner takes over exactly where the first one leaves", "[cluster][placement]") {
  const Fleet all = equal_nodes(6);
  const PlacementTable before = all.table(4096);
  Fleet rest = all;
  rest.names.erase(rest.names.begin() + 2);
  rest.weights.pop_back();
  const PlacementTable after = rest.table(4096);
  for (uint32_t slot = 0; slot < 4096; ++slot) {
    std::vector<std::string> expected;
    for (NodeIndex owner : before.owners_of_slot(slot)) {
      if (owner != 2) expected.push_back(all.names[owner]);
    }
    const auto found = after.owners_of_slot(slot);
    for (size_t i = 0; i < expected.size(); ++i) REQUIRE(rest.names[found[i]] == expected[i]);
  }
}

TEST_CASE("more weight only takes from the others", "[cluster][placement]") {
  const Fleet before = equal_nodes(5);
  Fleet after = before;
  after.weights[3] = 2;
  const PlacementTable old_table = before.table(1u << 16);
  const PlacementTable new_table = after.table(1u << 16);
  for (uint32_t slot = 0; slot < old_table.slots(); ++slot) {
    const NodeIndex was = old_table.owners_of_slot(slot)[0];
    const NodeIndex is = new_table.owners_of_slot(slot)[0];
    REQUIRE((is == was || is == 3));
  }
}

TEST_CASE("owners are different nodes, as many as there are up to three", "[cluster][placement]") {
  for (const size_t count : {1u, 2u, 3u, 9u}) {
    const PlacementTable table = equal_nodes(count).table(256);
    for (uint32_t slot = 0; slot < 256; ++slot) {
      const auto owners = table.owners_of_slot(slot);
      REQUIRE(owners.size() == std::min<size_t>(count, 3));
      for (size_t i = 0; i < owners.size(); ++i) {
        REQUIRE(owners[i] < count);
        for (size_t j = 0; j < i; ++j) REQUIRE(owners[i] != owners[j]);
      }
    }
  }
}

TEST_CASE("a node's second owners are spread over all others", "[cluster][placement]") {
  const PlacementTable table = equal_nodes(10).table();
  std::map<NodeIndex, uint32_t> seconds;
  uint32_t total = 0;
  for (uint32_t slot = 0; slot < table.slots(); ++slot) {
    const auto owners = table.owners_of_slot(slot);
    if (owners[0] != 4) continue;
    ++seconds[owners[1]];
    ++total;
  }
  REQUIRE(seconds.size() == 9);
  for (const auto& [node, count] : seconds) {
    INFO("node " << node);
    CHECK(std::abs(count * 9.0 / total - 1.0) < 0.1);
  }
}

TEST_CASE("keys spread over the slots evenly, also those whose hashes share their high or low bits",
          "[cluster][placement]") {
  const PlacementTable table = equal_nodes(10).table();
  const struct {
    std::string_view what;
    uint64_t (*hash)(uint64_t);
  } kinds[] = {
      {"plain", [](uint64_t i) { return hash64(i, uint64_t{7}); }},
      {"same high byte", [](uint64_t i) { return hash64(i, uint64_t{7}) >> 8; }},
      {"same low byte", [](uint64_t i) { return hash64(i, uint64_t{7}) << 8; }},
  };
  for (const auto& kind : kinds) {
    std::vector<int> count(10);
    for (uint64_t i = 0; i < 100'000; ++i) ++count[table.owners(kind.hash(i))[0]];
    INFO(kind.what);
    CHECK(*std::max_element(count.begin(), count.end()) < 10'500);
    CHECK(*std::min_element(count.begin(), count.end()) > 9'500);
  }
}

TEST_CASE("the table is the same on every machine, in any order of nodes", "[cluster][placement]") {
  Fleet fleet = equal_nodes(20);
  for (size_t i = 0; i < 20; ++i) fleet.weights[i] = 1 + static_cast<uint32_t>(i * i);
  Fleet reversed = fleet;
  std::reverse(reversed.names.begin(), reversed.names.end());
  std::reverse(reversed.weights.begin(), reversed.weights.end());
  const PlacementTable table = fleet.table(1u << 16);
  CHECK(moved(fleet, table, reversed, reversed.table(1u << 16)) == 0.0);

  std::string owners;
  for (uint32_t slot = 0; slot < table.slots(); ++slot) {
    for (NodeIndex owner : table.owners_of_slot(slot)) owners.push_back(static_cast<char>(owner));
  }
  CHECK(hash64(owners) == 0xade3523ebbae82e8);
}

TEST_CASE("the number of slots rises in steps that are rarely crossed", "[cluster][placement]") {
  const struct {
    size_t nodes;
    uint32_t slots;
  } table[] = {{0, 1u << 18},   {1, 1u << 18},   {256, 1u << 18},  {257, 1u << 19},
               {500, 1u << 19}, {513, 1u << 20}, {1024, 1u << 20}, {4096, 1u << 22}};
  for (const auto& row : table) {
    INFO(row.nodes);
    CHECK(default_slots(row.nodes) == row.slots);
  }
}

TEST_CASE("each region has its own owners, and a region without nodes has none", "[cluster][placement]") {
  Topology topology;
  topology.regions = {{"eu", 256}, {"empty", 256}, {"us", 512}};
  topology.nodes.resize(5);
  for (size_t i = 0; i < 5; ++i) {
    topology.nodes[i].name = "n" + std::to_string(i);
    topology.nodes[i].region = i % 2 == 0 ? "eu" : "us";
  }
  const auto placement = Placement::build(topology);
  REQUIRE(placement->regions() == 3);
  REQUIRE(placement->nodes() == 5);
  CHECK(placement->table(0).slots() == 256);
  CHECK(placement->table(2).slots() == 512);
  Random random(1);
  for (int i = 0; i < 1000; ++i) {
    const uint64_t key = random.next();
    REQUIRE(placement->owners(0, key).size() == 3);
    for (NodeIndex owner : placement->owners(0, key)) REQUIRE(placement->region_of(owner) == 0);
    REQUIRE(placement->owners(1, key).empty());
    REQUIRE(placement->owners(2, key).size() == 2);
    for (NodeIndex owner : placement->owners(2, key)) REQUIRE(placement->region_of(owner) == 2);
  }
}

}  // namespace perigee::cluster
