// What origins are told of this cache, and what they may say to it alone (Surrogate-Control, CDN-Loop).
#include <catch2/catch_test_macros.hpp>

#include "tests/node/support/cluster.h"

namespace perigee::test {
namespace {

using namespace std::chrono_literals;

constexpr std::string_view capability = "perigee=\"Surrogate/1.0\"";

void reload(Cluster& cluster, const std::string& name, std::string file) {
  cluster.files(name).put(std::string(Cluster::node_path), std::move(file));
  REQUIRE(cluster.node(name).reload().applied);
  cluster.run();
}

TEST_CASE("an origin is told that it may speak to a surrogate, and is heard", "[node][surrogate]") {
  Cluster cluster;
  cluster.origin()
      .on("/a")
      .reply(200)
      .field("surrogate-control", "max-age=60;perigee, max-age=1")
      .field("cache-control", "no-store")
      .body("x");
  cluster.get("eu-1", "/a").expect(200).miss();
  REQUIRE(cluster.origin().last().header("surrogate-capability") == capability);
  cluster.advance(50s);
  cluster.get("eu-1", "/a").expect(200).hit().field("cache-control", "no-store");
}

TEST_CASE("peers are not told: the origin hears of one surrogate, whatever the way", "[node][surrogate]") {
  const std::vector<std::string> nodes = {"eu-1", "eu-2", "us-1", "us-2"};
  Cluster cluster(Setup().nodes(nodes).site("shield = \"eu\"\n"));
  for (int i = 0; i < 8; ++i) {
    const std::string path = "/" + std::to_string(i);
    cluster.origin().on(path).reply(200).max_age(60).body("x");
    cluster.get(nodes[static_cast<size_t>(i) % nodes.size()], path).expect(200);
    REQUIRE(cluster.origin().last().header("surrogate-capability") == capability);
  }
  REQUIRE(cluster.metric(Metric::peer_requests) > 0);
}

TEST_CASE("surrogates before this one stay in the list", "[node][surrogate]") {
  Cluster cluster;
  cluster.origin().on("/a").reply(200).max_age(60).body("x");
  cluster.get("eu-1", "/a", {{"surrogate-capability", "other=\"Surrogate/1.0\""}}).expect(200);
  REQUIRE(cluster.origin().last().header("surrogate-capability") ==
          "other=\"Surrogate/1.0\", " + std::string(capability));
}

TEST_CASE("a site chooses the name it is spoken to by, and may not listen at all", "[node][surrogate]") {
  Cluster cluster(Setup().site("[site.cache]\nsurrogate_device = \"shop\"\n"));
  cluster.origin()
      .on("/a")
      .reply(200)
      .field("surrogate-control", "max-age=60;perigee")
      .field("cache-control", "max-age=5")
      .body("x");
  cluster.get("eu-1", "/a").expect(200);
  REQUIRE(cluster.origin().last().header("surrogate-capability") == "shop=\"Surrogate/1.0\"");
  cluster.advance(6s);
  REQUIRE(!cluster.get("eu-1", "/a").expect(200).answer().hit());
  const Setup deaf = Setup().site("[site.cache]\ntargeted_fields = [\"cdn-cache-control\"]\n");
  reload(cluster, "eu-1", Cluster::node_file(deaf, "eu-1"));
  cluster.origin().on("/b").reply(200).field("surrogate-control", "max-age=60").body("x");
  cluster.get("eu-1", "/b").expect(200);
  REQUIRE(cluster.origin().last().header("surrogate-capability").empty());
  REQUIRE(!cluster.get("eu-1", "/b").expect(200).answer().hit());
}

TEST_CASE("Vary on what this cache adds makes an answer nobody else's", "[node][surrogate]") {
  Cluster cluster;
  cluster.origin().on("/a").reply(200).max_age(60).field("vary", "surrogate-capability").body("x");
  cluster.get("eu-1", "/a").expect(200);
  REQUIRE(!cluster.get("eu-1", "/a").expect(200).answer().hit());
}

TEST_CASE("the CDN's name in CDN-Loop is a setting that a reload changes", "[node][surrogate][loop]") {
  Cluster cluster;
  cluster.origin().on("/a").reply(200).body("x");
  cluster.get("eu-1", "/a").expect(200);
  const std::string made = cluster.origin().last().header("cdn-loop");
  REQUIRE(made.starts_with("perigee-"));
  REQUIRE(made.ends_with("-eu-1"));
  std::string file = Cluster::node_file(Setup(), "eu-1");
  file.insert(file.find("workers"), "cdn_id = \"acme\"\n");
  reload(cluster, "eu-1", file);
  cluster.get("eu-1", "/a").expect(200);
  REQUIRE(cluster.origin().last().header("cdn-loop") == "acme");
  cluster.get("eu-1", "/a", {{"cdn-loop", "other; a=1, acme"}}).expect(508);
  cluster.get("eu-1", "/a", {{"cdn-loop", "other; a=\"x, acme\""}}).expect(200);
  cluster.get("eu-1", "/a", {{"cdn-loop", made}}).expect(200);
}

}  // namespace
}  // namespace perigee::test
