// Hedged peer reads: the next owner is asked for what it has while the first is late.

#include <algorithm>
#include <catch2/catch_test_macros.hpp>

#include "tests/node/support/cluster.h"

namespace perigee::test {
namespace {

using namespace std::chrono_literals;

const std::vector<std::string> europe = {"eu-1", "eu-2", "eu-3", "eu-4"};

// A receiver that owns nothing of these paths, and paths with the same first and second owner, which both
// have them stored.
struct Scene {
  explicit Scene(const Setup& setup = Setup().nodes(europe), size_t count = 40) : cluster(setup) {
    const std::vector<std::string> order = cluster.owners("eu", "/f0");
    first = order[0];
    second = order[1];
    for (const std::string& node : europe) {
      if (std::find(order.begin(), order.end(), node) == order.end()) receiver = node;
    }
    for (int i = 0; paths.size() < count; ++i) {
      const std::string path = "/f" + std::to_string(i);
      const std::vector<std::string> owners = cluster.owners("eu", path);
      const bool receives = std::find(owners.begin(), owners.end(), receiver) == owners.end();
      if (owners[0] == first && owners[1] == second && receives) paths.push_back(path);
    }
    for (const std::string& path : paths) {
      cluster.origin().on(path).reply(200).max_age(600).body(path);
    }
  }
  // Stored at the first owner, and the receiver knows how fast that one is.
  void warm_first() {
    for (int pass = 0; pass < 2; ++pass) {
      for (const std::string& path : paths) cluster.get(receiver, path).expect(200).body(path);
    }
  }
  // Stored at the second owner, which had to stand in for the first.
  void warm_second() {
    cluster.take_out(first, true);
    const std::string& last = paths.back();
    cluster.get(receiver, last).expect(200);
    for (const std::string& path : paths) cluster.get(receiver, path).expect(200).body(path);
    cluster.take_out(first, false);
    cluster.advance(31s);
  }

  Cluster cluster;
  std::string first, second, receiver;
  std::vector<std::string> paths;
};

TEST_CASE("a peer that is late loses to the next owner, which has it stored", "[node][cluster][hedge]") {
  Scene scene;
  scene.warm_second();
  scene.warm_first();
  Cluster& cluster = scene.cluster;
  REQUIRE(cluster.metric(scene.receiver, Metric::hedges_sent) == 0);
  cluster.world().set_delay(scene.first, scene.receiver, 200ms);
  TestConnection& client = cluster.ask(scene.receiver, scene.paths[0]);
  cluster.advance(20ms);
  REQUIRE(client.answers() == 1);
  Reply(client.answer(0)).expect(200).body(scene.paths[0]);
  REQUIRE(cluster.metric(scene.receiver, Metric::hedges_sent) == 1);
  REQUIRE(cluster.metric(scene.receiver, Metric::hedges_won) == 1);
  // The loser is nobody's failure, and nothing of it comes later.
  cluster.advance(1s);
  REQUIRE(cluster.metric(scene.receiver, Metric::upstream_failures_peer) == 0);
  REQUIRE(cluster.metric(Metric::peer_ejections) == 0);
  cluster.world().set_delay(scene.first, scene.receiver, 0ms);
  cluster.get(scene.receiver, scene.paths[1]).expect(200).body(scene.paths[1]);
}

TEST_CASE("a hedge fetches nothing, and its 504 is no answer", "[node][cluster][hedge]") {
  Scene scene;
  scene.warm_first();
  Cluster& cluster = scene.cluster;
  const size_t fetched = cluster.origin().requests().size();
  cluster.world().set_delay(scene.first, scene.receiver, 200ms);
  TestConnection& client = cluster.ask(scene.receiver, scene.paths[0]);
  cluster.advance(100ms);
  REQUIRE(cluster.metric(scene.receiver, Metric::hedges_sent) == 1);
  REQUIRE(client.answers() == 0);
  cluster.advance(200ms);
  REQUIRE(client.answers() == 1);
  Reply(client.answer(0)).expect(200).body(scene.paths[0]);
  REQUIRE(cluster.metric(scene.receiver, Metric::hedges_won) == 0);
  REQUIRE(cluster.origin().requests().size() == fetched);
}

TEST_CASE("hedges stay within their share of the requests", "[node][cluster][hedge]") {
  Scene scene;
  scene.warm_first();
  Cluster& cluster = scene.cluster;
  cluster.world().set_delay(scene.first, scene.receiver, 50ms);
  for (const std::string& path : scene.paths) cluster.ask(scene.receiver, path);
  cluster.advance(500ms);
  REQUIRE(cluster.metric(scene.receiver, Metric::hedges_sent) == 2);  // 2 % of 120
  REQUIRE(cluster.metric(scene.receiver, Metric::hedge_budget_exhausted) > 0);
}

TEST_CASE("a running fill stops the hedge", "[node][cluster][hedge][interim]") {
  Scene scene(Setup().nodes(europe).peers("hedge_after_min = \"600ms\"\n"));
  scene.warm_first();
  Cluster& cluster = scene.cluster;
  cluster.origin().on("/slow").reply(200).max_age(600).delay(3s).body("slow");
  std::string path = "/slow";
  for (int i = 0; cluster.owners("eu", path)[0] != scene.first; ++i) path = "/slow" + std::to_string(i);
  cluster.origin().on(path).reply(200).max_age(600).delay(3s).body("slow");
  cluster.get(scene.receiver, path).expect(200).body("slow");
  REQUIRE(cluster.metric(scene.receiver, Metric::hedges_sent) == 0);
}

TEST_CASE("a client may leave, and the late peer answer, while a hedge is under way",
          "[node][cluster][hedge]") {
  for (const bool leaves : {false, true}) {
    Scene scene;
    scene.warm_second();
    scene.warm_first();
    Cluster& cluster = scene.cluster;
    cluster.world().set_delay(scene.first, scene.receiver, 15ms);
    cluster.world().set_delay(scene.second, scene.receiver, 40ms);
    TestConnection& client = cluster.ask(scene.receiver, scene.paths[0]);
    cluster.advance(10ms);
    REQUIRE(cluster.metric(scene.receiver, Metric::hedges_sent) == 1);
    if (leaves) client.close();
    cluster.advance(1s);
    REQUIRE(cluster.metric(scene.receiver, Metric::hedges_won) == 0);
    if (!leaves) Reply(client.answer(0)).expect(200).body(scene.paths[0]);
    cluster.world().set_delay(scene.first, scene.receiver, 0ms);
    cluster.get(scene.receiver, scene.paths[1]).expect(200).body(scene.paths[1]);
  }
}

TEST_CASE("with a peer that stalls one reply in a hundred, hedging cuts the slowest thousandth to a fifth",
          "[node][cluster][hedge]") {
  const auto slowest = [](uint32_t percent) {
    Scene scene(Setup().nodes(europe).peers("hedge_percent = " + std::to_string(percent) + "\n"));
    scene.warm_second();
    scene.warm_first();
    Cluster& cluster = scene.cluster;
    for (const std::string& peer : {scene.first, scene.second})
      cluster.world().set_delay(peer, scene.receiver, 1ms);
    const uint64_t before = cluster.metric(scene.receiver, Metric::upstream_requests_peer);
    std::vector<Duration> took;
    for (size_t i = 0; i < 1000; ++i) {
      const bool stalls = i % 100 == 99;
      if (stalls) cluster.world().set_delay(scene.first, scene.receiver, 200ms);
      const MonoTime asked = cluster.world().now();
      cluster.get(scene.receiver, scene.paths[i % scene.paths.size()]).expect(200);
      took.push_back(cluster.world().now() - asked);
      if (stalls) cluster.world().set_delay(scene.first, scene.receiver, 1ms);
    }
    REQUIRE(cluster.metric(scene.receiver, Metric::upstream_requests_peer) - before <= 1030);
    std::sort(took.begin(), took.end());
    return took[998];
  };
  REQUIRE(slowest(0) >= 200ms);
  REQUIRE(slowest(2) * 5 <= 200ms);
}

TEST_CASE("nobody is asked a second time by a hedge", "[node][cluster][hedge]") {
  Scene scene;
  scene.warm_second();
  scene.warm_first();
  Cluster& cluster = scene.cluster;
  // The first owner is gone, so the second is asked itself, and is late.
  cluster.world().set_refuse(scene.receiver, scene.first, true);
  cluster.world().reset_connections(scene.receiver, scene.first);
  cluster.world().set_delay(scene.second, scene.receiver, 200ms);
  TestConnection& client = cluster.ask(scene.receiver, scene.paths[0]);
  cluster.advance(150ms);
  REQUIRE(client.answers() == 0);
  REQUIRE(cluster.metric(scene.receiver, Metric::hedges_sent) == 0);
  // Nor was it the budget that kept it back.
  REQUIRE(cluster.metric(scene.receiver, Metric::hedge_budget_exhausted) == 0);
  cluster.advance(100ms);
  REQUIRE(client.answers() == 1);
  Reply(client.answer(0)).expect(200).body(scene.paths[0]);
}

TEST_CASE("a hedge that finds no place takes nothing from the budget", "[node][cluster][hedge]") {
  Scene scene(Setup().nodes(europe).peers("connections = 1\n"));
  scene.warm_second();
  scene.warm_first();
  Cluster& cluster = scene.cluster;
  // The one place toward the second owner is taken for three seconds.
  std::string slow;
  for (int i = 0; slow.empty(); ++i) {
    const std::string path = "/slow" + std::to_string(i);
    const std::vector<std::string> owners = cluster.owners("eu", path);
    if (owners[0] == scene.second && owners[1] != scene.receiver) slow = path;
  }
  cluster.origin().on(slow).reply(200).max_age(600).delay(3s).body("slow");
  TestConnection& holder = cluster.ask(scene.receiver, slow);
  cluster.advance(100ms);
  const uint64_t exhausted = cluster.metric(scene.receiver, Metric::hedge_budget_exhausted);
  cluster.world().set_delay(scene.first, scene.receiver, 200ms);
  for (size_t i = 0; i < 4; ++i) cluster.get(scene.receiver, scene.paths[i]).expect(200);
  REQUIRE(cluster.metric(scene.receiver, Metric::hedges_sent) == 0);
  REQUIRE(cluster.metric(scene.receiver, Metric::hedge_budget_exhausted) == exhausted);
  cluster.run_until([&] { return holder.answers() == 1; });
  cluster.get(scene.receiver, scene.paths[4]).expect(200);
  REQUIRE(cluster.metric(scene.receiver, Metric::hedges_sent) == 1);
}

}  // namespace
}  // namespace perigee::test
