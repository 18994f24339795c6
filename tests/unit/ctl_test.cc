// What perigeectl says and writes, without a node.
#include <catch2/catch_test_macros.hpp>

#include "edge/ctl/canary.h"
#include "edge/ctl/commands.h"
#include "edge/ctl/dns.h"

using namespace perigee;
using namespace perigee::ctl;

namespace {

cluster::Topology three_regions() {
  cluster::Topology topology;
  topology.regions = {{"eu", 0, "50.1, 8.7"}, {"us", 0, "39.0, -77.5"}, {"ap", 0, "1.3, 103.8"}};
  const auto add = [&](std::string name, std::string region, const std::string& ip, uint32_t weight) {
    cluster::NodeInfo node;
    node.name = std::move(name);
    node.region = std::move(region);
    node.client_address = ip + ":80";
    node.health_address = ip + ":8083";
    node.weight = weight;
    topology.nodes.push_back(std::move(node));
  };
  add("eu-1", "eu", "192.0.2.1", 1);
  add("eu-2", "eu", "192.0.2.2", 3);
  add("us-1", "us", "198.51.100.1", 1);
  add("ap-1", "ap", "203.0.113.1", 1);
  return topology;
}

}  // namespace

TEST_CASE("a purge is written from one kind of option", "[ctl]") {
  PurgeOptions options;
  CHECK(purge_body(options).empty());
  options.tags = {"a", "b"};
  options.site = "docs";
  options.soft = true;
  CHECK(purge_body(options) == R"({"tag":["a","b"],"site":"docs","soft":true})");
  options.everything = true;
  CHECK(purge_body(options).empty());
  PurgeOptions site;
  site.site = "docs";
  CHECK(purge_body(site) == R"({"site":"docs"})");
}

TEST_CASE("tables align words to the left and numbers to the right", "[ctl]") {
  CHECK(table({{"node", "n"}, {"a", "100"}, {"long", "7"}}) == "node  n\na     100\nlong    7\n");
}

TEST_CASE("regions follow each other by distance", "[ctl][dns]") {
  const cluster::Topology topology = three_regions();
  CHECK(failover_order(topology, "eu") == std::vector<std::string>{"eu", "us", "ap"});
  CHECK(failover_order(topology, "ap") == std::vector<std::string>{"ap", "eu", "us"});
  cluster::Topology unknown = topology;
  for (auto& region : unknown.regions) region.location.clear();
  CHECK(failover_order(unknown, "us") == std::vector<std::string>{"us", "eu", "ap"});
}

TEST_CASE("networks are read line by line or refused by line", "[ctl][dns]") {
  const cluster::Topology topology = three_regions();
  const auto networks = read_networks("# all\n10.0.0.0/8 eu\n\n2001:db8::/32\tus # here\n", topology);
  REQUIRE(networks);
  CHECK(networks->size() == 2);
  CHECK((*networks)[1] == std::pair<std::string, std::string>("2001:db8::/32", "us"));
  for (const char* bad : {"10.0.0.0 eu", "10.0.0.0/8", "10.0.0.0/8 mars", "x/8 eu", "10.0.0.0/129 eu"}) {
    const auto refused = read_networks("10.0.0.0/8 eu\n" + std::string(bad) + "\n", topology);
    INFO(bad);
    REQUIRE(!refused);
    CHECK(refused.error().context.starts_with("line 2: found"));
  }
}

TEST_CASE("a node that DNS cannot check is refused by name", "[ctl][dns]") {
  cluster::Topology topology = three_regions();
  topology.nodes[1].health_address.clear();
  for (const auto& written : {write_gdnsd(topology, {}), write_powerdns(topology, {})}) {
    REQUIRE(!written);
    CHECK(written.error().context.starts_with("eu-2: "));
  }
  topology.nodes[1].health_address = "192.0.2.9:8083";
  CHECK(!write_gdnsd(topology, {}));
  topology.nodes[1].health_address = "192.0.2.2:8084";
  CHECK(!write_gdnsd(topology, {}));
  topology.nodes[1].health_address = "192.0.2.2:8083";
  CHECK(write_gdnsd(topology, {}));
}

TEST_CASE("what is written names every node once, with its weight", "[ctl][dns]") {
  DnsOptions options;
  options.networks = {{"10.3.0.0/16", "ap"}};
  const auto files = write_gdnsd(three_regions(), options);
  REQUIRE(files);
  REQUIRE(files->size() == 2);
  const std::string& config = (*files)[0].content;
  for (const char* line : {"eu-2 => [ 192.0.2.2, 3 ]", "10.3.0.0/16 => [ ap, eu, us ]",
                           "us => %weighted!us_nodes", "url_path => /readyz, port => 8083"}) {
    INFO(line);
    const size_t at = config.find(line);
    REQUIRE(at != std::string::npos);
    CHECK(config.find(line, at + 1) == std::string::npos);
  }
  CHECK((*files)[1].path == "zones/example.org");
  const auto powerdns = write_powerdns(three_regions(), options);
  REQUIRE(powerdns);
  CHECK((*powerdns)[0].content.find("'192.0.2.1', '192.0.2.2'") != std::string::npos);
}

TEST_CASE("addresses of either family are answered for what they are", "[ctl][dns]") {
  cluster::Topology topology = three_regions();
  cluster::NodeInfo node;
  node.name = "eu-3";
  node.region = "eu";
  node.client_address = "[2001:db8::3]:80";
  node.health_address = "[2001:db8::3]:8083";
  topology.nodes.push_back(node);
  const std::string gdnsd = (*write_gdnsd(topology, {}))[0].content;
  const size_t v6 = gdnsd.find("addrs_v6 => {\n      eu-3 => [ 2001:db8::3, 1 ]\n      }");
  REQUIRE(v6 != std::string::npos);
  CHECK(gdnsd.find("addrs_v4 => {\n      eu-1") < v6);
  // Only where there are both.
  CHECK(gdnsd.find("addrs_v4", v6) == std::string::npos);
  const std::string powerdns = (*write_powerdns(topology, {}))[0].content;
  const size_t aaaa = powerdns.find("- lua: \"AAAA");
  REQUIRE(aaaa != std::string::npos);
  CHECK(powerdns.find("'2001:db8::3'") > aaaa);
  CHECK(powerdns.find("198.51.100.1", aaaa) == std::string::npos);
}

TEST_CASE("PowerDNS draws an address as often as its weight says, and finds the longest network first",
          "[ctl][dns]") {
  cluster::Topology topology = three_regions();
  DnsOptions options;
  options.networks = {{"10.0.0.0/8", "eu"}, {"10.5.0.0/16", "us"}, {"10.6.0.0/16", "us"}};
  std::string zone = (*write_powerdns(topology, options))[0].content;
  CHECK(zone.find("local r0={'192.0.2.1', '192.0.2.2', '192.0.2.2', '192.0.2.2'} ") != std::string::npos);
  const size_t first =
      zone.find("if netmask({'10.5.0.0/16', '10.6.0.0/16'}) then return ifurlup(u,{r1, r0, r2},o) end ");
  REQUIRE(first != std::string::npos);
  CHECK(zone.find("if netmask({'10.0.0.0/8'}) then return ifurlup(u,{r0, r1, r2},o) end ") > first);
  // Weights without a common divisor make no endless list, and leave nobody out.
  topology.nodes[0].weight = 997;
  topology.nodes[1].weight = 1;
  zone = (*write_powerdns(topology, options))[0].content;
  CHECK(zone.find("'192.0.2.2'} ") != std::string::npos);
  CHECK(zone.size() < 3000);
}

TEST_CASE("a canary is judged beside the others", "[ctl]") {
  CanaryLook well;
  well.reachable = well.ready = true;
  const auto with = [&](auto change) {
    CanaryLook look = well;
    change(look);
    return judge_canary(look, 0.01);
  };
  CHECK(judge_canary(well, 0.01) == CanaryVerdict::good);
  CHECK(with([](CanaryLook& l) { l.reachable = false; }) == CanaryVerdict::unreachable);
  CHECK(with([](CanaryLook& l) { l.same_process = false; }) == CanaryVerdict::restarted);
  CHECK(with([](CanaryLook& l) { l.ready = false; }) == CanaryVerdict::not_ready);
  CHECK(with([](CanaryLook& l) { l.ready = l.was_ready = false; }) == CanaryVerdict::good);
  CHECK(with([](CanaryLook& l) { l.canary = {100, 1}; }) == CanaryVerdict::good);
  CHECK(with([](CanaryLook& l) { l.canary = {100, 2}; }) == CanaryVerdict::failures);
  // The origin fails for all of them: no fault of the configuration.
  CHECK(with([](CanaryLook& l) {
          l.canary = {100, 50};
          l.others = {200, 100};
        }) == CanaryVerdict::good);
  CHECK(with([](CanaryLook& l) { l.canary = {19, 18}; }) == CanaryVerdict::good);
  CHECK(with([](CanaryLook& l) { l.canary = {3, 3}; }) == CanaryVerdict::failures);
  CHECK(with([](CanaryLook& l) {
          l.canary = {3, 3};
          l.others = {3, 3};
        }) == CanaryVerdict::good);
}

TEST_CASE("a quantile is found in its bucket", "[ctl]") {
  CHECK(!bucket_of_quantile({}, 0.5));
  CHECK(!bucket_of_quantile({0, 0}, 0.5));
  CHECK(bucket_of_quantile({99, 1}, 0.5) == 0);
  CHECK(bucket_of_quantile({99, 1}, 0.99) == 0);
  CHECK(bucket_of_quantile({98, 1, 1}, 0.99) == 1);
  CHECK(bucket_of_quantile({0, 0, 7}, 0.5) == 2);
}
