#include "edge/cluster/topology.h"

#include <algorithm>
#include <catch2/catch_test_macros.hpp>
#include <functional>

#include "edge/cluster/cluster_view.h"

namespace perigee::cluster {
namespace {

NodeInfo node(const std::string& name, const std::string& region, uint32_t weight = 1) {
  const std::string ip = "127.0." + std::to_string(name.back() - '0') + (region == "eu" ? ".1:" : ".2:");
  return {name, region, ip + "8080", ip + "8081", ip + "8082", ip + "8083", weight};
}

Topology three_nodes() {
  Topology topology;
  topology.regions = {{"eu"}, {"us"}};
  topology.nodes = {node("eu-1", "eu"), node("eu-2", "eu", 2), node("us-1", "us")};
  topology.peer_keys = {{"2026a", "/etc/perigee/peer.key"}};
  topology.purge_log = "eu-1";
  return topology;
}

struct Refusal {
  std::string_view code;
  std::string_view mentions;
  std::function<void(Topology&)> spoil;
};

void add_regions(Topology& t, size_t count) {
  for (size_t i = 0; i < count; ++i) t.regions.push_back({"r" + std::to_string(i), 0, ""});
}

}  // namespace

TEST_CASE("a topology that is wrong is refused with a code and the name of the offender",
          "[cluster][topology]") {
  const Refusal table[] = {
      {"no_nodes", "at least one", [](Topology& t) { t.nodes.clear(); }},
      {"too_many_nodes", "4097", [](Topology& t) { t.nodes.resize(4097, t.nodes[0]); }},
      {"too_many_regions", "257", [](Topology& t) { t.regions.clear(), add_regions(t, 257); }},
      {"bad_name", "\"EU-1\"", [](Topology& t) { t.nodes[0].name = "EU-1"; }},
      {"bad_name", "node name \"\"", [](Topology& t) { t.nodes[0].name = ""; }},
      {"bad_name", "region name \"e u\"", [](Topology& t) { t.regions[0].name = "e u"; }},
      {"bad_name", "expected 1 to 63", [](Topology& t) { t.nodes[0].name = std::string(64, 'a'); }},
      {"duplicate_name", "node \"eu-1\"", [](Topology& t) { t.nodes[2].name = "eu-1"; }},
      {"duplicate_name", "region \"eu\"", [](Topology& t) { t.regions[1].name = "eu"; }},
      {"unknown_region", "\"asia\"", [](Topology& t) { t.nodes[2].region = "asia"; }},
      {"bad_weight", "node \"eu-2\": weight 0", [](Topology& t) { t.nodes[1].weight = 0; }},
      {"bad_weight", "10001", [](Topology& t) { t.nodes[1].weight = 10'001; }},
      {"bad_slots", "region \"us\": slots 1000", [](Topology& t) { t.regions[1].slots = 1000; }},
      {"bad_slots", "slots 128", [](Topology& t) { t.regions[1].slots = 128; }},
      {"bad_slots", "slots 16777216", [](Topology& t) { t.regions[1].slots = 1u << 24; }},
      {"bad_address", "peer address \"\"", [](Topology& t) { t.nodes[0].peer_address = ""; }},
      {"bad_address", "client address \"host:80\"",
       [](Topology& t) { t.nodes[0].client_address = "host:80"; }},
      {"bad_address", "127.0.0.1:0", [](Topology& t) { t.nodes[0].client_address = "127.0.0.1:0"; }},
      {"bad_address", "65536", [](Topology& t) { t.nodes[0].admin_address = "127.0.0.1:65536"; }},
      {"bad_address", "::1:80", [](Topology& t) { t.nodes[0].health_address = "::1:80"; }},
      {"bad_address", "[127.0.0.1]", [](Topology& t) { t.nodes[0].health_address = "[127.0.0.1]:80"; }},
      {"bad_address", "wildcard", [](Topology& t) { t.nodes[0].peer_address = "0.0.0.0:81"; }},
      {"bad_address", "wildcard", [](Topology& t) { t.nodes[0].peer_address = "[::]:81"; }},
      {"duplicate_address", "\"eu-1\"",
       [](Topology& t) { t.nodes[2].peer_address = t.nodes[0].peer_address; }},
      {"duplicate_address", "admin",
       [](Topology& t) { t.nodes[0].admin_address = t.nodes[0].client_address; }},
      {"insecure_peers", "10.0.0.1", [](Topology& t) { t.nodes[0].peer_address = "10.0.0.1:81"; }},
      {"insecure_peers", "2001:db8", [](Topology& t) { t.nodes[0].peer_address = "[2001:db8::1]:81"; }},
      {"bad_peer_keys", "3 peer keys", [](Topology& t) { t.peer_keys.resize(3, t.peer_keys[0]); }},
      {"bad_peer_keys", "listed twice", [](Topology& t) { t.peer_keys.resize(2, t.peer_keys[0]); }},
      {"bad_peer_keys", "\"a;b\"", [](Topology& t) { t.peer_keys[0].id = "a;b"; }},
      {"bad_peer_keys", "file", [](Topology& t) { t.peer_keys[0].secret_file = ""; }},
      {"unknown_purge_log", "\"eu-9\"", [](Topology& t) { t.purge_log = "eu-9"; }},
  };
  for (const Refusal& row : table) {
    Topology topology = three_nodes();
    row.spoil(topology);
    const auto checked = validate(topology);
    INFO(row.code << " " << row.mentions);
    REQUIRE_FALSE(checked);
    CHECK(checked.error().code == row.code);
    CHECK(checked.error().side == Side::internal);
    CHECK(checked.error().context.find(row.mentions) != std::string::npos);
  }
}

TEST_CASE("a topology that is right passes", "[cluster][topology]") {
  const std::function<void(Topology&)> variations[] = {
      [](Topology&) {},
      [](Topology& t) { t.purge_log = ""; },
      [](Topology& t) { t.peer_keys.clear(); },
      [](Topology& t) { t.nodes[0].admin_address = t.nodes[0].health_address = ""; },
      [](Topology& t) { t.nodes[0].peer_address = "[::1]:81"; },
      [](Topology& t) { t.nodes[0].peer_address = "10.0.0.1:81", t.insecure_peers = true; },
      [](Topology& t) { t.nodes[0].client_address = "0.0.0.0:80"; },
      [](Topology& t) { t.nodes.resize(1), t.nodes[0].peer_address = ""; },
      [](Topology& t) { t.regions[0].slots = 256; },
      [](Topology& t) { t.nodes[0].weight = weight_max; },
  };
  for (size_t i = 0; i < std::size(variations); ++i) {
    Topology topology = three_nodes();
    variations[i](topology);
    const auto checked = validate(topology);
    INFO(i << ": " << (checked ? "" : checked.error().context));
    CHECK(checked);
  }
}

TEST_CASE("the digest is of what decides placement, in any order", "[cluster][topology]") {
  const std::string digest = membership_digest(three_nodes());
  CHECK(digest.size() == 16);
  CHECK(digest.find_first_not_of("0123456789abcdef") == std::string::npos);

  Topology same = three_nodes();
  std::reverse(same.nodes.begin(), same.nodes.end());
  std::reverse(same.regions.begin(), same.regions.end());
  same.nodes[0].peer_address = "127.9.9.9:1";
  same.peer_keys.clear();
  same.purge_log.clear();
  CHECK(membership_digest(same) == digest);

  const std::function<void(Topology&)> changes[] = {
      [](Topology& t) { t.nodes[0].name = "eu-3"; },      [](Topology& t) { t.nodes[0].weight = 2; },
      [](Topology& t) { t.nodes[0].region = "us"; },      [](Topology& t) { t.nodes.pop_back(); },
      [](Topology& t) { t.regions[0].slots = 1u << 16; }, [](Topology& t) { t.regions[1].name = "un"; },
  };
  for (size_t i = 0; i < std::size(changes); ++i) {
    Topology other = three_nodes();
    changes[i](other);
    INFO(i);
    CHECK(membership_digest(other) != digest);
  }
}

TEST_CASE("the digest is the same on every machine and in every version", "[cluster][topology]") {
  CHECK(membership_digest(three_nodes()) == "11373525f63d273d");
}

TEST_CASE("a view knows itself and refuses a name that is not in the topology", "[cluster][topology]") {
  const auto view = ClusterView::build(three_nodes(), "us-1");
  REQUIRE(view);
  CHECK((*view)->self == 2);
  CHECK((*view)->own_region() == 1);
  CHECK((*view)->digest == membership_digest(three_nodes()));

  const auto stranger = ClusterView::build(three_nodes(), "us-7");
  REQUIRE_FALSE(stranger);
  CHECK(stranger.error().code == "unknown_self");
  CHECK(stranger.error().context.find("\"us-7\"") != std::string::npos);

  Topology broken = three_nodes();
  broken.nodes[0].weight = 0;
  CHECK(ClusterView::build(broken, "us-1").error().code == "bad_weight");
}

TEST_CASE("a view is placed anew only when placement or the order of nodes changed", "[cluster][topology]") {
  const auto before = *ClusterView::build(three_nodes(), "eu-1");

  Topology readdressed = three_nodes();
  readdressed.nodes[1].peer_address = "127.0.7.7:81";
  CHECK((*ClusterView::build(readdressed, "eu-1", before.get()))->placement == before->placement);

  Topology reordered = three_nodes();
  std::swap(reordered.nodes[0], reordered.nodes[1]);
  CHECK((*ClusterView::build(reordered, "eu-1", before.get()))->placement != before->placement);

  Topology smaller = three_nodes();
  smaller.nodes.pop_back();
  CHECK((*ClusterView::build(smaller, "eu-1", before.get()))->placement != before->placement);
}

}  // namespace perigee::cluster
