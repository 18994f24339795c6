#include "edge/cluster/joining.h"

#include <catch2/catch_test_macros.hpp>

#include "edge/base/hash.h"

namespace perigee::cluster {
namespace {

using std::chrono::minutes;
using std::chrono::seconds;

constexpr MonoTime start{seconds(1000)};
constexpr MonoTime until = start + minutes(10);

std::shared_ptr<const ClusterView> view_of(const std::vector<std::string>& names, std::string_view self,
                                           const ClusterView* before = nullptr) {
  Topology topology;
  topology.regions = {{"eu", 256}};
  for (const std::string& name : names) {
    NodeInfo node;
    node.name = name;
    node.region = "eu";
    node.client_address = "127.0.0.1:" + std::to_string(8000 + topology.nodes.size());
    node.peer_address = "127.0.0.1:" + std::to_string(9000 + topology.nodes.size());
    topology.nodes.push_back(node);
  }
  auto view = ClusterView::build(std::move(topology), self, before);
  REQUIRE(view.has_value());
  return *view;
}

std::string_view name_of(const ClusterView& view, NodeIndex node) { return view.topology.nodes[node].name; }

uint64_t key(uint64_t i) { return hash64(std::string_view(reinterpret_cast<const char*>(&i), sizeof i)); }

TEST_CASE("a node that starts asks the second owner, who was the first without it", "[cluster][joining]") {
  const auto with = view_of({"a", "b", "c", "d"}, "c");
  const auto without = view_of({"a", "b", "d"}, "a");
  const Joining joining = Joining::started(until);
  size_t own = 0;
  for (uint64_t i = 0; i < 500; ++i) {
    const auto asked = joining.previous_owner(*with, key(i), start);
    const bool owns = with->placement->owners(0, key(i))[0] == with->self;
    REQUIRE(asked.has_value() == owns);
    if (!owns) continue;
    ++own;
    REQUIRE(name_of(*with, *asked) == name_of(*without, without->placement->owners(0, key(i))[0]));
  }
  REQUIRE(own > 50);
}

TEST_CASE("after ten minutes nobody is asked", "[cluster][joining]") {
  const auto view = view_of({"a", "b"}, "a");
  uint64_t own = 0;
  while (view->placement->owners(0, key(own))[0] != view->self) ++own;
  const Joining joining = Joining::started(until);
  REQUIRE(joining.previous_owner(*view, key(own), until - seconds(1)));
  REQUIRE(!joining.previous_owner(*view, key(own), until));
  REQUIRE(!Joining().previous_owner(*view, key(own), start));
}

TEST_CASE("alone there is nobody to ask", "[cluster][joining]") {
  const auto view = view_of({"a"}, "a");
  REQUIRE(!Joining::started(until).previous_owner(*view, key(1), start));
}

TEST_CASE("after a reload the owner of before is asked for what has moved, if it is still there",
          "[cluster][joining]") {
  const auto before = view_of({"a", "b", "c", "d"}, "a");
  // b has gone, and the order of the others is another.
  const auto now = view_of({"d", "c", "a"}, "a", before.get());
  const Joining joining = Joining().changed(before, *now, until);
  size_t asked = 0;
  for (uint64_t i = 0; i < 500; ++i) {
    const auto owner = joining.previous_owner(*now, key(i), start);
    const std::string_view old = name_of(*before, before->placement->owners(0, key(i))[0]);
    // What came from b cannot be asked for; nothing else has come.
    if (owner) ++asked;
    if (owner) REQUIRE(name_of(*now, *owner) == old);
  }
  REQUIRE(asked == 0);
  // The other way round: b is new and takes from all; for b itself the old owners are known by the reload.
  const auto small = view_of({"a", "c", "d"}, "a");
  const auto grown_self = view_of({"a", "b", "c", "d"}, "a", small.get());
  const Joining grown = Joining().changed(small, *grown_self, until);
  for (uint64_t i = 0; i < 500; ++i) REQUIRE(!grown.previous_owner(*grown_self, key(i), start));
}

TEST_CASE("a greater weight takes slots from others, who are asked", "[cluster][joining]") {
  const auto before = view_of({"a", "b", "c"}, "a");
  Topology heavier = before->topology;
  heavier.nodes[0].weight = 5;
  const auto built = ClusterView::build(heavier, "a", before.get());
  REQUIRE(built.has_value());
  const auto now = *built;
  const Joining joining = Joining().changed(before, *now, until);
  size_t asked = 0;
  for (uint64_t i = 0; i < 500; ++i) {
    const NodeIndex old = before->placement->owners(0, key(i))[0];
    const bool has_come = old != before->self && now->placement->owners(0, key(i))[0] == now->self;
    const auto owner = joining.previous_owner(*now, key(i), start);
    REQUIRE(owner.has_value() == has_come);
    if (owner) REQUIRE(*owner == old);
    asked += owner ? 1 : 0;
  }
  REQUIRE(asked > 50);
}

TEST_CASE("a reload that changes no placement ends nothing and begins nothing", "[cluster][joining]") {
  const auto before = view_of({"a", "b"}, "a");
  const auto same = view_of({"a", "b"}, "a", before.get());
  uint64_t own = 0;
  while (before->placement->owners(0, key(own))[0] != before->self) ++own;
  const Joining started = Joining::started(until).changed(before, *same, until + minutes(10));
  REQUIRE(started.previous_owner(*same, key(own), start));
  REQUIRE(!started.previous_owner(*same, key(own), until));
  REQUIRE(!Joining().changed(before, *same, until).previous_owner(*same, key(own), start));
}

}  // namespace
}  // namespace perigee::cluster
