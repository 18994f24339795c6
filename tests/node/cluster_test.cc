// Several whole nodes: owners, failing peers, and what passes between nodes and the world.
#include <algorithm>
#include <catch2/catch_test_macros.hpp>

#include "edge/cluster/peer_envelope.h"
#include "edge/cluster/topology.h"
#include "tests/node/support/cluster.h"

namespace perigee::test {
namespace {

using namespace std::chrono_literals;

const std::vector<std::string> europe = {"eu-1", "eu-2", "eu-3"};
const std::vector<std::string> world = {"eu-1", "eu-2", "eu-3", "us-1", "us-2"};

std::string pattern(size_t size) {
  std::string bytes(size, '\0');
  for (size_t i = 0; i < size; ++i) bytes[i] = static_cast<char>('a' + (i * 7 + i / 251) % 26);
  return bytes;
}

// Paths whose first owner in the region is that node.
std::vector<std::string> owned_by(const Cluster& cluster, const std::string& region, const std::string& node,
                                  size_t count) {
  std::vector<std::string> paths;
  for (int i = 0; paths.size() < count; ++i) {
    std::string path = "/f" + std::to_string(i);
    if (cluster.owners(region, path).front() == node) paths.push_back(std::move(path));
  }
  return paths;
}

std::string envelope(Cluster& cluster, const std::string& node, unsigned hop, cluster::Tier tier) {
  cluster::PeerRequestEnvelope out;
  out.tier = tier;
  out.hop = hop;
  out.digest = cluster::membership_digest(*cluster.config(node).topology);
  out.deadline = 10s;
  out.from = "eu-1";
  return cluster::format(out);
}

// The fields of a request that a node of the cluster would have signed so many seconds from now.
Headers signed_fields(Cluster& cluster, std::string_view method, std::string_view path,
                      const std::string& peer_field, int64_t seconds = 0) {
  const std::string url = "http://" + std::string(default_host) + std::string(path);
  const std::string mac = cluster.config("eu-1").peer_keys->sign(
      {method, default_host, url, peer_field}, unix_seconds(cluster.world().wall_now()) + seconds);
  return {{"perigee-peer", peer_field}, {"perigee-peer-auth", mac}};
}

// Over the peer listener, in the form nodes use.
Reply ask_peer(Cluster& cluster, const std::string& node, std::string_view method, const std::string& path,
               const Headers& headers) {
  TestConnection& connection = cluster.connect(node, 81);
  connection.request(method, "http://" + std::string(default_host) + path, default_host, headers);
  cluster.run_until([&] { return connection.answers() == 1; });
  return Reply(connection.answer(0));
}

TEST_CASE("a file asked for at every node costs the origin one GET a region", "[node][cluster]") {
  Cluster cluster(Setup().nodes(world));
  const int files = 12;
  for (int i = 0; i < files; ++i) {
    cluster.origin()
        .on("/f" + std::to_string(i))
        .reply(200)
        .max_age(600)
        .body("content " + std::to_string(i));
  }
  for (int pass = 0; pass < 2; ++pass) {
    for (int i = 0; i < files; ++i) {
      const std::string path = "/f" + std::to_string(i);
      for (const std::string& node : world)
        cluster.get(node, path).expect(200).body("content " + std::to_string(i));
      REQUIRE(cluster.origin().count("GET", path) == 2);
    }
  }
  REQUIRE(cluster.metric(Metric::peer_fallbacks) == 0);
  REQUIRE(cluster.metric(Metric::upstream_requests_origin) == 2 * files);
}

TEST_CASE("with a shield region the origin is asked once for the whole world", "[node][cluster][shield]") {
  Cluster cluster(Setup().nodes(world).site("shield = \"eu\"\n"));
  cluster.origin().on("/a").reply(200).max_age(600).body("hello");
  for (const char* node : {"us-1", "us-2", "eu-1", "eu-2", "eu-3"})
    cluster.get(node, "/a").expect(200).body("hello");
  REQUIRE(cluster.origin().count("GET", "/a") == 1);
}

TEST_CASE("large bodies cross a peer as they are", "[node][cluster]") {
  Cluster cluster(Setup().nodes(europe));
  const std::string all = pattern(1'500'000);
  cluster.origin().on("/plain").reply(200).max_age(600).body(all);
  cluster.origin().on("/chunked").reply(200).max_age(600).chunked().body(all);
  for (const std::string path : {"/plain", "/chunked"}) {
    for (const std::string& node : europe) cluster.get(node, path).expect(200).body(all);
    REQUIRE(cluster.origin().count("GET", path) == 1);
  }
}

TEST_CASE("a dead owner is replaced by the next, and that by the origin", "[node][cluster][failure]") {
  Cluster cluster(Setup().nodes(europe));
  cluster.origin().on("/a").reply(200).max_age(600).body("hello");
  const std::vector<std::string> owners = cluster.owners("eu", "/a");
  const std::string& receiver = owners[2];
  cluster.get(receiver, "/a").expect(200);
  REQUIRE(cluster.metric(owners[0], Metric::peer_requests) == 1);
  cluster.crash(owners[0]);
  cluster.get(receiver, "/a").expect(200).body("hello");
  REQUIRE(cluster.metric(owners[1], Metric::peer_requests) == 1);
  REQUIRE(cluster.metric(receiver, Metric::peer_fallbacks) == 1);
  cluster.crash(owners[1]);
  cluster.get(receiver, "/a").expect(200).body("hello");
  REQUIRE(cluster.origin().count("GET", "/a") == 3);
  REQUIRE(cluster.metric(receiver, Metric::requests_error) == 0);
}

TEST_CASE("an owner that hangs is left after a second", "[node][cluster][failure]") {
  Cluster cluster(Setup().nodes(europe));
  const std::vector<std::string> owners = cluster.owners("eu", "/a");
  cluster.origin().on("/a").reply(200).max_age(600).body("hello");
  cluster.origin().on("/b").reply(200).max_age(600).body("hello");
  for (const bool connected : {false, true}) {
    if (connected) {
      cluster.world().heal(owners[2], owners[0]);
      cluster.advance(1s);
      cluster.get(owners[2], "/a").expect(200);
    }
    cluster.world().partition(owners[2], owners[0]);
    TestConnection& client = cluster.ask(owners[2], "/a");
    cluster.advance(1100ms);
    REQUIRE(client.answers() == 1);
    Reply(client.answer(0)).expect(200).body("hello");
  }
}

// A body of which the last of its owners has given a client a quarter, read from the first.
struct UnderWay {
  explicit UnderWay(const std::string& etag) {
    auto& answer = cluster.origin().on("/a").reply(200).max_age(600).rate(200'000).body(all);
    if (!etag.empty()) answer.etag(etag);
    client = &cluster.ask(owners[2], "/a");
    cluster.run_until([&] { return client->partial().body.size() > 100'000; });
  }
  // The answer, once it has ended.
  Reply end() {
    cluster.run_until([&] { return client->answers() == 1; });
    return Reply(client->answer(0));
  }

  Cluster cluster{Setup().nodes(europe)};
  const std::string all = pattern(400'000);
  const std::vector<std::string> owners = cluster.owners("eu", "/a");
  TestConnection* client = nullptr;
};

TEST_CASE("an owner that dies in the middle of a body is continued elsewhere", "[node][cluster][failure]") {
  UnderWay under_way("\"1\"");
  Cluster& cluster = under_way.cluster;
  cluster.crash(under_way.owners[0]);
  under_way.end().expect(200).body(under_way.all);
  REQUIRE(cluster.origin().last().header("if-range") == "\"1\"");
}

// Clients of these nodes read the same when its owner dies. The last request at the origin is for the rest.
void let_owner_die_before(Cluster& cluster, const std::vector<std::string>& receivers,
                          uint64_t rate_of_others = 1'900'000) {
  const std::string all = pattern(4'000'000);
  cluster.origin().on("/a").reply(200).max_age(600).etag("\"1\"").rate(2'000'000).closed_ranges().body(all);
  std::vector<TestConnection*> clients;
  for (size_t i = 0; i < receivers.size(); ++i) {
    clients.push_back(&cluster.ask(receivers[i], "/a"));
    cluster.run_until([&] { return !clients.back()->partial().body.empty(); });
    // Not all are as far when it happens.
    if (i == 0) continue;
    cluster.world().set_link(cluster.owners("eu", "/a")[0], receivers[i], {1ms, 0ms, rate_of_others});
  }
  cluster.run_until([&] { return clients.front()->partial().body.size() > 2'500'000; });
  REQUIRE(cluster.origin().count("GET", "/a") == 1);
  cluster.crash(cluster.owners("eu", "/a")[0]);
  cluster.run_until([&] {
    return std::all_of(clients.begin(), clients.end(), [](const auto* each) { return each->answers() == 1; });
  });
  for (const TestConnection* client : clients) Reply(client->answer(0)).expect(200).body(all);
}

TEST_CASE("whose owner dies in the middle of a body go on from one fetch of the next owner",
          "[node][cluster][failure]") {
  const std::vector<std::string> five = {"eu-1", "eu-2", "eu-3", "eu-4", "eu-5"};
  for (const bool next_reads_too : {false, true}) {
    CAPTURE(next_reads_too);
    Cluster cluster(Setup().nodes(five));
    const std::vector<std::string> owners = cluster.owners("eu", "/a");
    std::vector<std::string> receivers;
    for (const std::string& node : five) {
      if (node != owners[0] && (node != owners[1] || next_reads_too)) receivers.push_back(node);
    }
    let_owner_die_before(cluster, receivers);
    REQUIRE(cluster.origin().count("GET", "/a") == 2);
    REQUIRE(cluster.origin().last().header("if-range") == "\"1\"");
    REQUIRE(cluster.origin().last().header("range").starts_with("bytes="));
    REQUIRE(cluster.metric(owners[1], Metric::upstream_requests_origin) == 1);
  }
}

TEST_CASE("who is far behind when the owner dies asks for the gap alone", "[node][cluster][failure]") {
  const std::vector<std::string> five = {"eu-1", "eu-2", "eu-3", "eu-4", "eu-5"};
  Cluster cluster(Setup().nodes(five));
  const std::vector<std::string> owners = cluster.owners("eu", "/a");
  std::vector<std::string> receivers;
  for (const std::string& node : five) {
    if (node != owners[0] && node != owners[1]) receivers.push_back(node);
  }
  receivers.pop_back();
  let_owner_die_before(cluster, receivers, 500'000);
  size_t open_ended = 0;
  for (const ReceivedRequest& request : cluster.origin().requests())
    open_ended += request.header("range").ends_with("-") ? 1 : 0;
  REQUIRE(open_ended == 1);
  REQUIRE(cluster.origin().count("GET", "/a") == 3);
}

TEST_CASE("what the next owner cannot go on with goes on at the origin", "[node][cluster][failure]") {
  UnderWay under_way("\"1\"");
  Cluster& cluster = under_way.cluster;
  cluster.crash(under_way.owners[1]);
  cluster.crash(under_way.owners[0]);
  under_way.end().expect(200).body(under_way.all);
  REQUIRE(cluster.metric(under_way.owners[2], Metric::upstream_requests_origin) == 1);
}

// The origin has another version now, and the next owner, who could not ask the first one, has stored that.
void let_next_owner_store(UnderWay& under_way, const std::string& etag, const std::string& body) {
  Cluster& cluster = under_way.cluster;
  cluster.origin().on("/a").reply(200).max_age(600).etag(etag).closed_ranges().body(body);
  cluster.world().partition(under_way.owners[1], under_way.owners[0]);
  cluster.get(under_way.owners[1], "/a").expect(200).body(body);
  cluster.get(under_way.owners[1], "/a").hit();
  REQUIRE(under_way.client->answers() == 0);
}

TEST_CASE("a next owner with another version is not gone on with: the answer is cut, never patched",
          "[node][cluster][failure]") {
  for (const bool same_length : {true, false}) {
    CAPTURE(same_length);
    UnderWay under_way("\"1\"");
    const std::string other(same_length ? under_way.all.size() : 600'000, 'N');
    let_next_owner_store(under_way, "\"2\"", other);
    const uint64_t asked_before = under_way.cluster.metric(under_way.owners[1], Metric::peer_requests);
    under_way.cluster.crash(under_way.owners[0]);
    const Reply cut = under_way.end();
    REQUIRE(!cut.answer().complete);
    REQUIRE(cut.answer().body.size() > 100'000);
    REQUIRE(under_way.all.starts_with(cut.answer().body));
    // It was asked for the rest, and so was the origin, in case the other version was the old one.
    REQUIRE(under_way.cluster.metric(under_way.owners[1], Metric::peer_requests) == asked_before + 1);
    REQUIRE(under_way.cluster.origin().last().header("if-range") == "\"1\"");
  }
}

TEST_CASE("a next owner with another version does not keep the origin from going on with this one",
          "[node][cluster][failure]") {
  UnderWay under_way("\"1\"");
  let_next_owner_store(under_way, "\"0\"", std::string(600'000, 'O'));
  under_way.cluster.origin().on("/a").reply(200).max_age(600).etag("\"1\"").body(under_way.all);
  under_way.cluster.crash(under_way.owners[0]);
  under_way.end().expect(200).body(under_way.all);
}

TEST_CASE("an owner that dies in the middle of a body nobody can continue is a visible cut",
          "[node][cluster][failure]") {
  UnderWay under_way("");
  under_way.cluster.crash(under_way.owners[0]);
  const Reply cut = under_way.end();
  REQUIRE(!cut.answer().complete);
  REQUIRE(under_way.all.starts_with(cut.answer().body));
}

TEST_CASE("a slow origin is no failure of the peer that waits for it", "[node][cluster][interim]") {
  Cluster cluster(Setup().nodes(europe));
  cluster.origin().on("/a").reply(200).max_age(600).delay(5s).body("hello");
  const std::vector<std::string> owners = cluster.owners("eu", "/a");
  TestConnection& client = cluster.ask(owners[2], "/a");
  cluster.run_until([&] { return client.answers() == 1; });
  Reply(client.answer(0)).expect(200).body("hello");
  REQUIRE(client.answer(0).interims.empty());
  REQUIRE(cluster.origin().count("GET", "/a") == 1);
  REQUIRE(cluster.metric(Metric::peer_ejections) == 0);
  REQUIRE(cluster.metric(Metric::peer_fallbacks) == 0);
}

TEST_CASE("a hundred requests at every node for a cold URL are one GET", "[node][cluster][collapsing]") {
  Cluster cluster(Setup().nodes(europe).workers(2));
  cluster.origin().on("/a").reply(200).max_age(600).delay(3s).body("hello");
  std::vector<TestConnection*> clients;
  for (size_t i = 0; i < 60; ++i) clients.push_back(&cluster.ask(europe[i % 3], "/a"));
  cluster.run_until([&] {
    for (const TestConnection* client : clients) {
      if (client->answers() == 0) return false;
    }
    return true;
  });
  for (const TestConnection* client : clients) Reply(client->answer(0)).expect(200).body("hello");
  REQUIRE(cluster.origin().count("GET", "/a") == 1);
}

TEST_CASE("the peer listener answers nobody but peers", "[node][cluster][authentication]") {
  Cluster cluster(Setup().nodes(europe));
  const std::string good = envelope(cluster, "eu-1", 1, cluster::Tier::region);
  struct Case {
    std::string name;
    std::string method;
    Headers headers;
  };
  Headers other_envelope = signed_fields(cluster, "GET", "/a", good);
  other_envelope[0].second = envelope(cluster, "eu-1", 2, cluster::Tier::shield);
  Headers other_mac = signed_fields(cluster, "GET", "/a", good);
  other_mac[1].second.back() = other_mac[1].second.back() == '0' ? '1' : '0';
  const std::vector<Case> cases = {
      {"nothing", "GET", {}},
      {"an envelope alone", "GET", {{"perigee-peer", good}}},
      {"another envelope than was signed", "GET", other_envelope},
      {"another MAC", "GET", other_mac},
      {"signed for another URL", "GET", signed_fields(cluster, "GET", "/b", good)},
      {"signed for another method", "GET", signed_fields(cluster, "HEAD", "/a", good)},
      {"signed a minute ago", "GET", signed_fields(cluster, "GET", "/a", good, -60)},
      {"signed for the next minute", "GET", signed_fields(cluster, "GET", "/a", good, 60)},
      {"an unsafe method", "POST", signed_fields(cluster, "POST", "/a", good)},
      {"an envelope of another version", "GET", signed_fields(cluster, "GET", "/a", "v=2;hop=1")},
      {"too many hops", "GET",
       signed_fields(cluster, "GET", "/a",
                     "v=1;tier=shield;hop=3;digest=0123456789abcdef;deadline_ms=1000;from=eu-1")},
  };
  for (const Case& each : cases) {
    INFO(each.name);
    ask_peer(cluster, "eu-2", each.method, "/a", each.headers).expect(403);
  }
  REQUIRE(cluster.metric("eu-2", Metric::peer_rejected) == cases.size());
  REQUIRE(cluster.origin().requests().empty());
  cluster.origin().on("/a").reply(200).body("hello");
  ask_peer(cluster, "eu-2", "GET", "/a", signed_fields(cluster, "GET", "/a", good)).expect(200).body("hello");
}

TEST_CASE("a node asked by a peer of its region asks no other", "[node][cluster][hops]") {
  Cluster cluster(Setup().nodes(europe));
  cluster.origin().on("/a").reply(200).max_age(60).body("hello");
  const std::string not_owner = cluster.owners("eu", "/a")[2];
  const std::string field = envelope(cluster, not_owner, 1, cluster::Tier::region);
  ask_peer(cluster, not_owner, "GET", "/a", signed_fields(cluster, "GET", "/a", field)).expect(200);
  REQUIRE(cluster.metric(Metric::upstream_requests_peer) == 0);
  REQUIRE(cluster.origin().count("GET", "/a") == 1);
}

TEST_CASE("the peer fields of a client reach neither peer nor origin", "[node][cluster][stripping]") {
  Cluster cluster(Setup().nodes(europe));
  cluster.origin().on("/a").reply(200).max_age(60).body("hello");
  const std::string field = envelope(cluster, "eu-1", 2, cluster::Tier::shield);
  for (const std::string& node : europe)
    cluster.get(node, "/a", signed_fields(cluster, "GET", "/a", field)).expect(200);
  cluster.request("eu-1", "POST", "/a", {{"perigee-peer", "x"}, {"Perigee-Peer-Auth", "y"}}, "z");
  REQUIRE(cluster.origin().requests().size() == 2);
  for (const ReceivedRequest& request : cluster.origin().requests()) {
    REQUIRE(request.header("perigee-peer").empty());
    REQUIRE(request.header("perigee-peer-auth").empty());
  }
  REQUIRE(cluster.metric(Metric::peer_rejected) == 0);
}

TEST_CASE("what peers tell each other reaches no client", "[node][cluster][stripping]") {
  Cluster cluster(Setup().nodes(europe));
  cluster.origin()
      .on("/a")
      .reply(200)
      .max_age(60)
      .field("perigee-peer", "v=1;digest=0123456789abcdef")
      .body("hello");
  cluster.origin()
      .on("/private")
      .reply(200)
      .field("cache-control", "private")
      .field("perigee-peer", "x")
      .body("hello");
  for (int pass = 0; pass < 2; ++pass) {
    for (const std::string& node : europe) {
      cluster.get(node, "/a").expect(200).without("perigee-peer").without("perigee-peer-auth");
      cluster.get(node, "/private").expect(200).without("perigee-peer").without("perigee-peer-auth");
    }
  }
}

TEST_CASE("nodes that disagree about the cluster answer all the same and do not loop",
          "[node][cluster][digest]") {
  Cluster cluster(Setup().nodes(europe).disagrees("eu-2"));
  for (int i = 0; i < 10; ++i) {
    const std::string path = "/f" + std::to_string(i);
    cluster.origin().on(path).reply(200).max_age(600).body("hello");
    for (const std::string& node : europe) cluster.get(node, path).expect(200).body("hello");
    REQUIRE(cluster.origin().count("GET", path) <= 3);
  }
  REQUIRE(cluster.metric(Metric::loops_detected) == 0);
}

TEST_CASE("a request that comes back through other networks is refused", "[node][cluster][loop]") {
  Cluster cluster(Setup().nodes(europe));
  cluster.origin().on("/a").reply(200).max_age(60).body("hello");
  cluster.get("eu-1", "/a", {{"cdn-loop", "other-cdn; v=1"}}).expect(200);
  const std::string loop = cluster.origin().last().header("cdn-loop");
  REQUIRE(loop.starts_with("other-cdn; v=1, perigee-"));
  cluster.get("eu-1", "/b", {{"cdn-loop", loop}}).expect(508);
  cluster.request("eu-2", "POST", "/b", {{"cdn-loop", loop}}, "x").expect(508);
  REQUIRE(cluster.metric(Metric::loops_detected) == 2);
  REQUIRE(cluster.origin().count("GET", "/b") == 0);
}

TEST_CASE("a peer that fails again and again is left alone for half a minute", "[node][cluster][ejection]") {
  Cluster cluster(Setup().nodes(europe));
  const std::vector<std::string> paths = owned_by(cluster, "eu", "eu-2", 8);
  for (const std::string& path : paths) cluster.origin().on(path).reply(200).max_age(600).body("hello");
  cluster.world().set_refuse("eu-1", "eu-2", true);
  for (int i = 0; i < 3; ++i) cluster.get("eu-1", paths[static_cast<size_t>(i)]).expect(200);
  REQUIRE(cluster.metric("eu-1", Metric::peer_ejections) == 1);
  REQUIRE(cluster.metric("eu-1", Metric::upstream_failures_peer) == 3);
  cluster.get("eu-1", paths[3]).expect(200);
  cluster.get("eu-1", paths[4]).expect(200);
  REQUIRE(cluster.metric("eu-1", Metric::upstream_failures_peer) == 3);
  cluster.world().set_refuse("eu-1", "eu-2", false);
  cluster.get("eu-1", paths[5]).expect(200);
  REQUIRE(cluster.metric("eu-2", Metric::peer_requests) == 0);
  cluster.advance(35s);
  cluster.get("eu-1", paths[6]).expect(200);
  REQUIRE(cluster.metric("eu-2", Metric::peer_requests) == 1);
}

TEST_CASE("an error of the origin crosses the owner without a second opinion", "[node][cluster]") {
  Cluster cluster(Setup().nodes(europe));
  cluster.origin().on("/a").reply(503).body("busy");
  const std::vector<std::string> owners = cluster.owners("eu", "/a");
  cluster.get(owners[2], "/a").expect(503).body("busy");
  REQUIRE(cluster.metric(Metric::peer_ejections) == 0);
}

TEST_CASE("unsafe methods go straight to the origin", "[node][cluster]") {
  Cluster cluster(Setup().nodes(europe));
  cluster.origin().on("/a").reply(200).body("done");
  for (const std::string& node : europe) cluster.request(node, "POST", "/a", {}, "content").expect(200);
  REQUIRE(cluster.metric(Metric::upstream_requests_peer) == 0);
  REQUIRE(cluster.origin().count("POST", "/a") == 3);
}

TEST_CASE("one seed is one run", "[node][cluster][seed]") {
  const auto run = [](uint64_t seed) {
    Cluster cluster(Setup().nodes(europe).workers(2).seed(seed));
    for (int i = 0; i < 10; ++i) {
      const std::string path = "/f" + std::to_string(i);
      cluster.origin().on(path).reply(200).max_age(600).delay(20ms).body("hello");
      for (const std::string& node : europe) cluster.ask(node, path);
      cluster.advance(30ms);
    }
    return cluster.world().trace_digest();
  };
  REQUIRE(run(7) == run(7));
  REQUIRE(run(7) != run(8));
}

}  // namespace
}  // namespace perigee::test
