// Origin servers that fail and recover: probes, breakers, and how a server comes back.
#include <catch2/catch_test_macros.hpp>

#include "edge/base/json.h"
#include "tests/node/support/cluster.h"

namespace perigee::test {
namespace {

using namespace std::chrono_literals;

// Two servers with the same content, of which nothing is kept, and perhaps settings of the group.
struct TwoServers {
  explicit TwoServers(const std::string& settings, const std::string& second = "\"10.9.0.2:80\"",
                      Setup setup = {})
      : cluster(setup.origin("servers = [\"10.9.0.1:80\", " + second + "]\n" + settings)),
        second_server(cluster.add_origin("second", "10.9.0.2:80")) {
    for (ScriptedOrigin* each : {&first(), &second_server}) {
      each->on("/a").reply(200).field("cache-control", "no-store").body("hello");
      each->on("/up").reply(204);
    }
  }
  ScriptedOrigin& first() { return cluster.origin(); }
  // How many of so many requests the first server gets; all are answered.
  size_t share_of_first(int count) {
    const size_t before = first().count("GET", "/a");
    for (int i = 0; i < count; ++i) cluster.get("eu-1", "/a").expect(200);
    return first().count("GET", "/a") - before;
  }
  std::string state(size_t server) {
    return parse_json(cluster.topology("eu-1"))["origins"][server]["state"].get<std::string>();
  }

  Cluster cluster;
  ScriptedOrigin& second_server;
};

const std::string probing = "probe_path = \"/up\"\nprobe_interval = \"1s\"\nprobe_timeout = \"300ms\"\n";

TEST_CASE("a server whose probes fail is not asked, and comes back by and by", "[node][origin][probe]") {
  TwoServers servers(probing + "slow_start = \"60s\"\n");
  Cluster& cluster = servers.cluster;
  cluster.advance(5s);
  REQUIRE(servers.first().count("GET", "/up") >= 3);
  REQUIRE(servers.share_of_first(10) == 5);
  // It answers everything else still.
  servers.first().on("/up").reply(503);
  cluster.advance(5s);
  REQUIRE(servers.state(0) == "down");
  REQUIRE(servers.share_of_first(10) == 0);
  REQUIRE(cluster.metric(Metric::origin_downs) == 1);
  REQUIRE(cluster.metric(Metric::origin_probes_failed) >= 3);
  REQUIRE(cluster.metric(Metric::upstream_retries) == 0);
  servers.first().on("/up").reply(204);
  cluster.run_until([&] { return servers.state(0) == "recovering"; });
  // A tenth of its half.
  const size_t at_first = servers.share_of_first(40);
  REQUIRE(at_first >= 1);
  REQUIRE(at_first <= 3);
  cluster.advance(30s);
  const size_t half_way = servers.share_of_first(40);
  REQUIRE(half_way >= 9);
  REQUIRE(half_way <= 12);
  cluster.advance(30s);
  REQUIRE(servers.state(0) == "up");
  REQUIRE(servers.share_of_first(40) == 20);
}

TEST_CASE("probes that hang, are refused or break off are failed ones", "[node][origin][probe]") {
  struct Case {
    std::string name;
    std::function<void(TwoServers&)> prepare;
  };
  const std::vector<Case> cases = {
      {"no answer", [](TwoServers& servers) { servers.first().on("/up").reply(204).delay(100s); }},
      {"another status", [](TwoServers& servers) { servers.first().on("/up").reply(404); }},
      {"refused", [](TwoServers& servers) { servers.cluster.world().set_refuse("eu-1", "origin", true); }},
      {"lost", [](TwoServers& servers) { servers.cluster.world().set_drop("eu-1", "origin", true); }},
  };
  for (const Case& each : cases) {
    INFO(each.name);
    TwoServers servers(probing);
    each.prepare(servers);
    servers.cluster.advance(6s);
    REQUIRE(servers.state(0) == "down");
    REQUIRE(servers.state(1) == "up");
    REQUIRE(servers.share_of_first(4) == 0);
  }
}

TEST_CASE("when every server is down by its probes they are asked all the same", "[node][origin][probe]") {
  TwoServers servers(probing);
  for (ScriptedOrigin* each : {&servers.first(), &servers.second_server}) each->on("/up").reply(500);
  servers.cluster.advance(6s);
  REQUIRE(servers.state(0) == "down");
  REQUIRE(servers.state(1) == "down");
  REQUIRE(servers.share_of_first(10) == 5);
}

TEST_CASE("a backup server is asked while the probes of all others fail", "[node][origin][probe]") {
  TwoServers servers(probing, "{ address = \"10.9.0.2:80\", backup = true }");
  REQUIRE(servers.share_of_first(4) == 4);
  servers.first().on("/up").reply(500);
  servers.cluster.advance(6s);
  REQUIRE(servers.share_of_first(4) == 0);
}

TEST_CASE("a reload that ends probing lets back whom probes had taken out", "[node][origin][probe]") {
  TwoServers servers(probing);
  servers.first().on("/up").reply(500);
  servers.cluster.advance(6s);
  REQUIRE(servers.share_of_first(4) == 0);
  const Setup other = Setup().origin("servers = [\"10.9.0.1:80\", \"10.9.0.2:80\"]\n");
  servers.cluster.files("eu-1").put(std::string(Cluster::node_path), Cluster::node_file(other, "eu-1"));
  REQUIRE(servers.cluster.node("eu-1").reload().applied);
  servers.cluster.run();
  const size_t probes = servers.first().count("GET", "/up");
  servers.cluster.advance(10s);
  REQUIRE(servers.first().count("GET", "/up") == probes);
  REQUIRE(servers.share_of_first(4) == 2);
}

TEST_CASE("probes go to the server by its name, with the group's Host", "[node][origin][probe]") {
  Cluster cluster(Setup().origin("servers = [\"origin.test\"]\nhost_header = \"www.example\"\n" + probing));
  cluster.world().add_host("origin.test", {"10.9.0.1"});
  cluster.origin().on("/up").reply(204);
  cluster.advance(3s);
  REQUIRE(cluster.origin().count("GET", "/up") >= 2);
  REQUIRE(cluster.origin().last().header("host") == "www.example");
  REQUIRE(cluster.metric(Metric::origin_probes_failed) == 0);
}

// Asks so often; the statuses in their order.
std::vector<int> statuses(Cluster& cluster, int count) {
  std::vector<int> all;
  for (int i = 0; i < count; ++i) all.push_back(cluster.get("eu-1", "/a").answer().status);
  return all;
}

const std::string one_server = "servers = [\"10.9.0.1:80\"]\n";

TEST_CASE("a breaker opens when an origin server only fails, spares it, and closes when it serves again",
          "[node][origin][breaker]") {
  for (const unsigned workers : {1u, 2u}) {
    CAPTURE(workers);
    Cluster cluster(Setup().workers(workers).origin(one_server));
    auto& broken = cluster.origin().on("/a");
    broken.reply(503).field("cache-control", "no-store");
    REQUIRE(statuses(cluster, 20) == std::vector<int>(20, 503));
    REQUIRE(cluster.origin().count("GET", "/a") == 20);
    REQUIRE(cluster.metric(Metric::origin_circuit_opened) == 1);
    const Reply refused = cluster.get("eu-1", "/a");
    refused.expect(503).field("proxy-status", "eu-1; error=destination_unavailable");
    REQUIRE(statuses(cluster, 9) == std::vector<int>(9, 503));
    REQUIRE(cluster.origin().count("GET", "/a") == 20);
    REQUIRE(cluster.metric(Metric::origin_circuit_refused) == 10);
    REQUIRE(cluster.metric(Metric::upstream_retries) == 0);
    // One trial, which fails.
    cluster.advance(6s);
    statuses(cluster, 10);
    REQUIRE(cluster.origin().count("GET", "/a") == 21);
    cluster.advance(6s);
    cluster.origin().on("/a").reply(200).field("cache-control", "no-store").body("hello");
    REQUIRE(statuses(cluster, 10) == std::vector<int>(10, 200));
    REQUIRE(cluster.origin().count("GET", "/a") == 31);
    REQUIRE(cluster.metric(Metric::origin_circuit_opened) == 2);
  }
}

TEST_CASE("while a trial is under way nobody else is sent", "[node][origin][breaker]") {
  Cluster cluster(Setup().origin(one_server));
  cluster.origin().on("/a").reply(502).field("cache-control", "no-store");
  statuses(cluster, 20);
  cluster.advance(6s);
  cluster.origin().on("/a").reply(200).field("cache-control", "no-store").delay(2s).body("hello");
  TestConnection& trial = cluster.ask("eu-1", "/a");
  cluster.advance(100ms);
  cluster.request("eu-1", "POST", "/a").expect(503);
  REQUIRE(cluster.origin().count("POST", "/a") == 0);
  cluster.run_until([&] { return trial.answers() == 1; });
  Reply(trial.answer(0)).expect(200);
}

TEST_CASE("a trial whose client leaves makes room for another", "[node][origin][breaker]") {
  Cluster cluster(Setup().origin(one_server));
  cluster.origin().on("/a").reply(502).field("cache-control", "no-store");
  statuses(cluster, 20);
  cluster.advance(6s);
  cluster.origin().on("/a").reply(200).field("cache-control", "no-store").delay(5s).body("hello");
  TestConnection& trial = cluster.ask("eu-1", "/a");
  cluster.advance(100ms);
  trial.close();
  cluster.advance(100ms);
  cluster.origin().on("/a").reply(200).field("cache-control", "no-store").body("hello");
  cluster.get("eu-1", "/a").expect(200);
}

TEST_CASE("one server of a group that only fails opens its own breaker alone", "[node][origin][breaker]") {
  TwoServers servers("");
  servers.first().on("/a").reply(503).field("cache-control", "no-store");
  statuses(servers.cluster, 200);
  REQUIRE(servers.cluster.metric(Metric::origin_circuit_opened) == 1);
  REQUIRE(servers.first().count("GET", "/a") == 20);
  REQUIRE(servers.state(0) == "open");
  REQUIRE(servers.state(1) == "up");
  const Json origins = parse_json(servers.cluster.topology("eu-1"))["origins"];
  REQUIRE(origins[0]["failed"] == 20);
  REQUIRE(origins[1]["failed"] == 0);
}

TEST_CASE("pages that fail open no breaker, and a breaker at zero percent stays closed",
          "[node][origin][breaker]") {
  for (const auto& [settings, status] :
       {std::pair("", 500), std::pair("", 404), std::pair("breaker_percent = 0\n", 503)}) {
    CAPTURE(settings, status);
    Cluster cluster(Setup().origin(one_server + settings));
    cluster.origin().on("/a").reply(status).field("cache-control", "no-store");
    statuses(cluster, 40);
    REQUIRE(cluster.origin().count("GET", "/a") == 40);
  }
}

TEST_CASE("behind an open breaker stale responses are served at once", "[node][origin][breaker]") {
  Cluster cluster(Setup().origin(one_server));
  cluster.origin().on("/b").reply(200).field("cache-control", "max-age=1, stale-if-error=600").body("old");
  cluster.get("eu-1", "/b").expect(200);
  cluster.origin().on("/a").reply(503).field("cache-control", "no-store");
  statuses(cluster, 20);
  cluster.advance(3s);
  const size_t before = cluster.origin().requests().size();
  cluster.get("eu-1", "/b").expect(200).body("old");
  REQUIRE(cluster.origin().requests().size() == before);
}

}  // namespace
}  // namespace perigee::test
