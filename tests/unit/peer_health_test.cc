#include "edge/cluster/peer_health.h"

#include <algorithm>
#include <catch2/catch_test_macros.hpp>

namespace perigee::cluster {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

Topology region_of(size_t nodes) {
  Topology topology;
  topology.regions = {{"eu"}, {"us"}};
  for (size_t i = 0; i < nodes; ++i) {
    topology.nodes.emplace_back();
    topology.nodes.back().name = "eu-" + std::to_string(i);
    topology.nodes.back().region = "eu";
  }
  return topology;
}

constexpr MonoTime start{seconds(1000)};

PeerHealthOptions exact() {
  PeerHealthOptions options;
  options.jitter = 0;
  return options;
}

struct Fixture {
  explicit Fixture(size_t nodes, PeerHealthOptions options = exact())
      : health(region_of(nodes), options, Random(1)) {}

  void record(NodeIndex node, PeerOutcome outcome, uint32_t count = 1) {
    health.record(node, outcome, now, count);
  }
  void advance(Duration by) {
    now += by;
    health.tick(now);
  }
  PeerState state(NodeIndex node) const { return health.view()->state(node); }
  size_t ejected(size_t nodes) const {
    size_t count = 0;
    for (size_t i = 0; i < nodes; ++i)
      count += state(static_cast<NodeIndex>(i)) == PeerState::ejected ? 1 : 0;
    return count;
  }

  MonoTime now = start;
  PeerHealth health;
};

}  // namespace

TEST_CASE("failures in a row eject, and what comes between starts the count anew", "[cluster][health]") {
  using enum PeerOutcome;
  const struct {
    std::string_view what;
    std::vector<PeerOutcome> outcomes;
    bool ejected;
  } table[] = {
      {"five failures", {failure, failure, failure, failure, failure}, true},
      {"four failures", {failure, failure, failure, failure}, false},
      {"a success between", {failure, failure, failure, failure, success, failure}, false},
      {"three refused connects", {connect_failure, connect_failure, connect_failure}, true},
      {"two refused connects", {connect_failure, connect_failure}, false},
      {"a success between connects", {connect_failure, connect_failure, success, connect_failure}, false},
      {"mixed, five in all", {failure, connect_failure, failure, connect_failure, failure}, true},
      {"slow answers only",
       {slow_first_byte, slow_first_byte, slow_first_byte, slow_first_byte, slow_first_byte},
       false},
      {"a slow answer forgives nothing",
       {failure, failure, failure, failure, slow_first_byte, failure},
       true},
  };
  for (const auto& row : table) {
    Fixture f(3);
    for (const PeerOutcome outcome : row.outcomes) f.record(1, outcome);
    INFO(row.what);
    CHECK((f.state(1) == PeerState::ejected) == row.ejected);
    CHECK(f.health.ejections() == (row.ejected ? 1 : 0));
    CHECK(f.state(0) == PeerState::up);
    CHECK(f.state(2) == PeerState::up);
  }
}

TEST_CASE("outcomes may come in batches", "[cluster][health]") {
  Fixture f(3);
  f.record(1, PeerOutcome::failure, 4);
  CHECK(f.state(1) == PeerState::up);
  f.record(1, PeerOutcome::failure, 1'000'000);
  CHECK(f.state(1) == PeerState::ejected);
  CHECK(f.health.ejections() == 1);
}

TEST_CASE("an ejection ends after 30 s, and the count begins anew", "[cluster][health]") {
  Fixture f(3);
  f.record(1, PeerOutcome::connect_failure, 3);
  CHECK(f.health.next_event() == start + seconds(30));
  f.advance(seconds(30) - milliseconds(1));
  CHECK(f.state(1) == PeerState::ejected);
  f.advance(milliseconds(1));
  CHECK(f.state(1) == PeerState::up);
  CHECK_FALSE(f.health.next_event());
  f.record(1, PeerOutcome::connect_failure, 2);
  CHECK(f.state(1) == PeerState::up);
}

TEST_CASE("each ejection is longer, up to 300 s", "[cluster][health]") {
  Fixture f(3);
  for (const int expected : {30, 60, 90, 120, 150, 180, 210, 240, 270, 300, 300, 300}) {
    f.record(1, PeerOutcome::connect_failure, 3);
    REQUIRE(f.health.next_event() == f.now + seconds(expected));
    f.advance(seconds(expected));
  }
}

TEST_CASE("every 30 s up earns one ejection back", "[cluster][health]") {
  Fixture f(3);
  for (int i = 0; i < 3; ++i) {
    f.record(1, PeerOutcome::failure, 5);
    f.advance(*f.health.next_event() - f.now);
  }
  CHECK(f.health.times_ejected(1, f.now) == 3);
  CHECK(f.health.times_ejected(1, f.now + seconds(29)) == 3);
  CHECK(f.health.times_ejected(1, f.now + seconds(30)) == 2);
  CHECK(f.health.times_ejected(1, f.now + seconds(10'000)) == 0);
  f.advance(seconds(61));
  f.record(1, PeerOutcome::failure, 5);
  CHECK(f.health.next_event() == f.now + seconds(60));
}

TEST_CASE("outcomes of requests sent before the ejection change nothing", "[cluster][health]") {
  Fixture f(3);
  f.record(1, PeerOutcome::failure, 5);
  f.record(1, PeerOutcome::failure, 5);
  f.record(1, PeerOutcome::success);
  CHECK(f.state(1) == PeerState::ejected);
  CHECK(f.health.ejections() == 1);
  CHECK(f.health.next_event() == start + seconds(30));
}

TEST_CASE("at most a third of a region is ejected, but one always may be", "[cluster][health]") {
  const struct {
    size_t nodes;
    size_t ejected;
  } table[] = {{1, 1}, {2, 1}, {3, 1}, {5, 1}, {6, 2}, {9, 3}, {50, 16}};
  for (const auto& row : table) {
    Fixture f(row.nodes);
    for (size_t i = 0; i < row.nodes; ++i) f.record(static_cast<NodeIndex>(i), PeerOutcome::failure, 5);
    INFO(row.nodes << " nodes");
    CHECK(f.ejected(row.nodes) == row.ejected);
  }
}

TEST_CASE("who failed while the region was full is ejected at its next failure after room was made",
          "[cluster][health]") {
  Fixture f(3);
  f.record(0, PeerOutcome::failure, 5);
  f.record(1, PeerOutcome::failure, 7);
  CHECK(f.state(1) == PeerState::up);
  f.advance(seconds(30));
  CHECK(f.state(0) == PeerState::up);
  f.record(1, PeerOutcome::failure);
  CHECK(f.state(1) == PeerState::ejected);
}

TEST_CASE("regions are counted apart", "[cluster][health]") {
  Topology topology = region_of(4);
  topology.nodes[2].region = topology.nodes[3].region = "us";
  PeerHealth health(topology, exact(), Random(1));
  for (NodeIndex node = 0; node < 4; ++node) health.record(node, PeerOutcome::failure, start, 5);
  CHECK_FALSE(health.view()->usable(0));
  CHECK(health.view()->usable(1));
  CHECK_FALSE(health.view()->usable(2));
  CHECK(health.view()->usable(3));
}

TEST_CASE("jitter keeps an ejection within a tenth of its length and differs between seeds",
          "[cluster][health]") {
  std::vector<Duration> lengths;
  for (uint64_t seed = 0; seed < 50; ++seed) {
    PeerHealth health(region_of(3), {}, Random(seed));
    health.record(1, PeerOutcome::failure, start, 5);
    lengths.push_back(*health.next_event() - start);
    CHECK(lengths.back() >= seconds(27));
    CHECK(lengths.back() <= seconds(33));
  }
  CHECK(std::count(lengths.begin(), lengths.end(), lengths[0]) == 1);
}

TEST_CASE("a draining peer is out of use until it takes that back or 30 s have passed", "[cluster][health]") {
  Fixture f(3);
  f.health.set_draining(2, true, f.now);
  CHECK(f.state(2) == PeerState::draining);
  CHECK_FALSE(f.health.view()->usable(2));
  f.health.set_draining(2, false, f.now);
  CHECK(f.state(2) == PeerState::up);

  f.health.set_draining(2, true, f.now);
  f.advance(seconds(20));
  f.health.set_draining(2, true, f.now);
  f.advance(seconds(20));
  CHECK(f.state(2) == PeerState::draining);
  f.advance(seconds(10));
  CHECK(f.state(2) == PeerState::up);
}

TEST_CASE("a view never changes, and a new one is published only when a state does", "[cluster][health]") {
  Fixture f(3);
  const auto first = f.health.view();
  f.record(1, PeerOutcome::failure, 4);
  f.advance(seconds(1));
  CHECK(f.health.view() == first);
  f.record(1, PeerOutcome::failure);
  CHECK(f.health.view() != first);
  CHECK(first->usable(1));
  CHECK_FALSE(f.health.view()->usable(1));
}

TEST_CASE("nodes keep their state by name when the topology changes", "[cluster][health]") {
  Fixture f(4);
  f.record(1, PeerOutcome::failure, 5);
  f.record(3, PeerOutcome::failure, 4);
  Topology changed = region_of(4);
  changed.nodes.erase(changed.nodes.begin());
  changed.nodes.push_back(changed.nodes[0]);
  changed.nodes.back().name = "eu-new";
  f.health.adopt(changed);
  CHECK(f.state(0) == PeerState::ejected);
  CHECK(f.state(1) == PeerState::up);
  CHECK(f.state(3) == PeerState::up);
  f.advance(seconds(30));
  f.record(2, PeerOutcome::failure);
  CHECK(f.state(2) == PeerState::ejected);
}

TEST_CASE("nodes beyond the topology are up and not recorded", "[cluster][health]") {
  Fixture f(2);
  f.record(7, PeerOutcome::failure, 5);
  f.health.set_draining(7, true, f.now);
  CHECK(f.state(7) == PeerState::up);
  CHECK(f.health.times_ejected(7, f.now) == 0);
  CHECK(f.health.ejections() == 0);
  CHECK(HealthView().usable(3));
}

TEST_CASE("peer states have names", "[cluster][health]") {
  CHECK(to_string(PeerState::up) == "up");
  CHECK(to_string(PeerState::draining) == "draining");
  CHECK(to_string(PeerState::ejected) == "ejected");
}

TEST_CASE("probes without an answer eject, and hold back a return", "[cluster][health][probe]") {
  Fixture f(3);
  for (int i = 0; i < 2; ++i) f.health.probed(1, false, f.now);
  CHECK(f.state(1) == PeerState::up);
  f.health.probed(1, false, f.now);
  CHECK(f.state(1) == PeerState::ejected);
  for (int i = 0; i < 120; ++i) {
    f.health.probed(1, false, f.now);
    f.advance(seconds(1));
  }
  CHECK(f.state(1) == PeerState::ejected);
  CHECK(f.health.ejections() == 1);
  f.health.probed(1, true, f.now);
  f.advance(seconds(2));
  CHECK(f.state(1) == PeerState::up);
}

TEST_CASE("three good probes end an ejection that probes can tell something of", "[cluster][health][probe]") {
  Fixture f(3);
  f.record(1, PeerOutcome::connect_failure, 3);
  CHECK(f.state(1) == PeerState::ejected);
  for (int i = 0; i < 2; ++i) f.health.probed(1, true, f.now);
  CHECK(f.state(1) == PeerState::ejected);
  f.health.probed(1, false, f.now);
  for (int i = 0; i < 3; ++i) f.health.probed(1, true, f.now);
  CHECK(f.state(1) == PeerState::up);
}

TEST_CASE("a peer that answers probes and nothing else stays out its time", "[cluster][health][probe]") {
  Fixture f(3);
  for (int i = 0; i < 5; ++i) {
    f.record(1, PeerOutcome::failure);
    f.health.probed(1, true, f.now);
  }
  CHECK(f.state(1) == PeerState::ejected);
  for (int i = 0; i < 20; ++i) f.health.probed(1, true, f.now);
  CHECK(f.state(1) == PeerState::ejected);
  f.advance(seconds(31));
  CHECK(f.state(1) == PeerState::up);
}

}  // namespace perigee::cluster
