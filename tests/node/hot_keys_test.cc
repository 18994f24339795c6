// Hot keys: local copies, and two owners that share them.

#include <algorithm>
#include <catch2/catch_test_macros.hpp>

#include "edge/base/random.h"
#include "tests/node/support/cluster.h"

namespace perigee::test {
namespace {

using namespace std::chrono_literals;

const std::vector<std::string> six = {"eu-1", "eu-2", "eu-3", "eu-4", "eu-5", "eu-6"};
const std::vector<std::string> europe = {"eu-1", "eu-2", "eu-3"};
constexpr std::string_view soon_hot = "[cache]\nhot_requests_min = 5\nhot_one_in = 4\n";

TEST_CASE("a receiver keeps a copy of what many ask it for", "[node][cluster][hot]") {
  Cluster cluster(Setup().nodes(europe).tables(std::string(soon_hot)));
  cluster.origin().on("/a").reply(200).max_age(600).body("hello");
  const std::vector<std::string> owners = cluster.owners("eu", "/a");
  for (int i = 0; i < 5; ++i) cluster.get(owners[2], "/a").expect(200).body("hello");
  cluster.get(owners[2], "/a").expect(200).hit().body("hello");
  REQUIRE(cluster.metric(owners[2], Metric::hot_copies_stored) == 1);
  cluster.get(owners[2], "/b");
  REQUIRE(cluster.origin().count("GET", "/a") <= 2);
}

TEST_CASE("copies of hot keys are purged and invalidated like everything else", "[node][cluster][hot]") {
  Cluster cluster(Setup().nodes(europe).purge_log("eu-1").tables(std::string(soon_hot)));
  cluster.run();
  const auto warm = [&](std::string_view text) {
    cluster.origin().on("/a").reply(200).max_age(600).body(std::string(text));
    for (int i = 0; i < 8; ++i) {
      for (const std::string& node : europe) cluster.get(node, "/a").expect(200).body(text);
    }
  };
  warm("first");
  REQUIRE(cluster.metric(Metric::hot_copies_stored) >= 2);
  cluster.origin().on("/a").reply(200).max_age(600).body("second");
  REQUIRE(cluster.purge("eu-2", R"({"url": "http://a.example/a"})").status == 200);
  warm("second");
  cluster.origin().on("/a").reply(200).max_age(600).body("third");
  cluster.request("eu-3", "PUT", "/a", {}, "x").expect(200);
  warm("third");
}

TEST_CASE("copies take no more than their share", "[node][cluster][hot]") {
  // A tenth of 8 MiB; one copy at most an eighth of that.
  Cluster cluster(
      Setup().nodes(europe).tables("[cache]\nbudget = \"8MiB\"\nhot_requests_min = 2\nhot_one_in = 1000\n"));
  const std::string body(60'000, 'x');
  std::vector<std::string> paths;
  for (int i = 0; paths.size() < 30; ++i) {
    const std::string path = "/f" + std::to_string(i);
    if (cluster.owners("eu", path)[0] != "eu-1") paths.push_back(path);
  }
  for (const std::string& path : paths) {
    cluster.origin().on(path).reply(200).max_age(600).body(body);
    for (int i = 0; i < 4; ++i) cluster.get("eu-1", path).expect(200).body(body);
  }
  REQUIRE(cluster.metric("eu-1", Metric::hot_copies_stored) == 30);
  REQUIRE(cluster.node("eu-1").hot_copy_bytes() <= 8 * 1024 * 1024 / 10);
  cluster.origin().on("/large").reply(200).max_age(600).body(std::string(200'000, 'x'));
  std::string large = "/large";
  for (int i = 0; cluster.owners("eu", large)[0] == "eu-1"; ++i) large = "/large" + std::to_string(i);
  cluster.origin().on(large).reply(200).max_age(600).body(std::string(200'000, 'x'));
  for (int i = 0; i < 5; ++i) cluster.get("eu-1", large).expect(200);
  REQUIRE(cluster.metric("eu-1", Metric::hot_copies_stored) == 30);
}

TEST_CASE("a second owner takes part from a larger share on than is worth a copy", "[node][cluster][hot]") {
  for (const bool spread : {false, true}) {
    CAPTURE(spread);
    Cluster cluster(Setup().nodes(europe).tables(
        std::string("[cache]\nhot_copies_percent = 0\nhot_requests_min = 2\nhot_one_in = 1000\n") +
        (spread ? "spread_one_in = 1000\n" : "spread_one_in = 4\n")));
    cluster.origin().on("/a").reply(200).max_age(600).body("hello");
    const std::string receiver = cluster.owners("eu", "/a")[2];
    for (int i = 0; i < 40; ++i) {
      // First, so that it never has more than a sixth of all.
      for (int n = 0; n < 5; ++n) cluster.get(receiver, "/f" + std::to_string(5 * i + n));
      cluster.get(receiver, "/a").expect(200).body("hello");
    }
    REQUIRE(cluster.origin().count("GET", "/a") == (spread ? 2 : 1));
  }
}

TEST_CASE("a copy ages, and is validated at an owner", "[node][cluster][hot]") {
  Cluster cluster(Setup().nodes(europe).tables(std::string(soon_hot)));
  cluster.origin().on("/a").reply(200).max_age(10).etag("\"1\"").body("hello");
  const std::vector<std::string> owners = cluster.owners("eu", "/a");
  for (int i = 0; i < 6; ++i) cluster.get(owners[2], "/a").expect(200);
  cluster.advance(8s);
  cluster.get(owners[2], "/a").expect(200).hit().field("age", "8");
  cluster.advance(4s);
  cluster.get(owners[2], "/a").expect(200).forwarded("stale").body("hello");
  cluster.get(owners[2], "/a").expect(200).hit();
}

// Six nodes get the same Zipf traffic, in which one key has 30 % of all requests.
struct Traffic {
  double busiest = 0;  // over the mean
  double hit_ratio = 0;
};
Traffic run(const std::string& tables) {
  Cluster cluster(Setup().nodes(six).tables(tables));
  const size_t keys = 300;
  std::vector<double> sums;
  double sum = 0;
  for (size_t rank = 1; rank <= keys; ++rank) {
    cluster.origin().on("/f" + std::to_string(rank)).reply(200).max_age(3600).body("hello");
    sums.push_back(sum += 1.0 / static_cast<double>(rank));
  }
  cluster.origin().on("/hot").reply(200).max_age(3600).body("hot");
  Random random(3);
  std::vector<std::unique_ptr<TestConnection>> clients;
  for (const std::string& node : six)
    clients.push_back(std::make_unique<TestConnection>(cluster.client_loop(), cluster.address(node)));
  const size_t requests = 4800;
  for (size_t i = 0; i < requests; ++i) {
    TestConnection& client = *clients[i % six.size()];
    std::string path = "/hot";
    if (random.unit() >= 0.3) {
      const auto rank = std::lower_bound(sums.begin(), sums.end(), random.unit() * sum) - sums.begin() + 1;
      path = "/f" + std::to_string(rank);
    }
    const size_t before = client.answers();
    client.request("GET", path, default_host);
    cluster.run_until([&] { return client.answers() > before; });
  }
  Traffic traffic;
  double most = 0;
  double all = 0;
  for (const std::string& node : six) {
    const auto load = static_cast<double>(cluster.metric(node, Metric::requests) +
                                          cluster.metric(node, Metric::peer_requests));
    most = std::max(most, load);
    all += load;
  }
  traffic.busiest = most / (all / 6);
  traffic.hit_ratio = 1.0 - static_cast<double>(cluster.origin().requests().size()) / requests;
  return traffic;
}

TEST_CASE("with one key at 30 % of the requests the busiest of six nodes is near the mean",
          "[node][cluster][hot]") {
  const Traffic pure = run("[cache]\nhot_copies_percent = 0\nhot_requests_min = 60000\n");
  const Traffic spread = run("");
  CAPTURE(pure.busiest, spread.busiest, pure.hit_ratio, spread.hit_ratio);
  REQUIRE(pure.busiest > 1.4);
  REQUIRE(spread.busiest <= 1.25);
  REQUIRE(spread.hit_ratio >= pure.hit_ratio - 0.01);
}

}  // namespace
}  // namespace perigee::test
