// Mutual TLS between nodes.
#include <catch2/catch_test_macros.hpp>

#include "edge/net/tls_stream.h"
#include "tests/node/support/cluster.h"
#include "tests/node/support/topology_page.h"
#include "tests/unit/test_files.h"

namespace perigee::test {
namespace {

using namespace std::chrono_literals;

constexpr std::string_view peers_tls =
    "[peers.tls]\nchain = \"peer.pem\"\nkey = \"peer.key.pem\"\nauthorities = \"root.pem\"\n";

Setup with_certificates(int nodes = 2, const std::string& tables = std::string(peers_tls)) {
  Setup setup;
  setup.peers_with_certificates().tables(tables).file("root.pem", pem("root.pem"));
  std::vector<std::string> names;
  for (int node = 1; node <= nodes; ++node) {
    const std::string number = std::to_string(node);
    names.push_back("eu-" + number);
    setup.file_of("eu-" + number, "peer.pem", pem("peer-" + number + ".pem"))
        .file_of("eu-" + number, "peer.key.pem", pem("peer-" + number + ".key"));
  }
  return setup.nodes(std::move(names));
}

std::shared_ptr<const net::TlsCertificate> certificate(const std::string& stem) {
  return net::read_tls_certificate({pem(stem + ".pem"), pem(stem + ".key"), ""}, std::nullopt).value();
}

std::shared_ptr<net::TlsClientContext> client(const std::string& stem, const std::string& authorities) {
  net::TlsClientSettings settings;
  settings.authorities_pem = pem(authorities);
  if (!stem.empty()) settings.certificate = certificate(stem);
  settings.exact_names = true;
  return net::TlsClientContext::build(settings).value();
}

// The node of the region that does not own the URL, and the one that does.
std::pair<std::string, std::string> receiver_and_owner(const Cluster& cluster, std::string_view target) {
  const auto owners = cluster.owners("eu", target);
  return {owners.at(1), owners.at(0)};
}

TEST_CASE("nodes with certificates ask each other over TLS and need no secret", "[node][tls][cluster]") {
  Cluster cluster(with_certificates());
  cluster.origin().on("/a").reply(200).max_age(60).body("hello");
  const auto [receiver, owner] = receiver_and_owner(cluster, "/a");
  for (int i = 0; i < 3; ++i) cluster.get(receiver, "/a").expect(200).body("hello");
  CHECK(cluster.origin().requests().size() == 1);
  CHECK(cluster.metric(owner, Metric::tls_handshakes_full) == 1);
  CHECK(cluster.metric(owner, Metric::peer_requests) == 3);
  CHECK(cluster.metric(owner, Metric::peer_rejected) == 0);
  cluster.get(owner, "/a").expect(200).hit();
}

// A node shows its own name, which is no host of any site: no reason to call what it asks for misdirected.
TEST_CASE("nodes with certificates ask each other for hosts of any site", "[node][tls][cluster]") {
  Cluster cluster(with_certificates(
      2, std::string(peers_tls) + "[[site]]\nname = \"b\"\nhosts = [\"b.example\"]\norigin = \"content\"\n"));
  cluster.origin().on("/a").reply(200).max_age(60).body("hello");
  for (const std::string node : {"eu-1", "eu-2", "eu-1", "eu-2"}) {
    TestConnection& client = cluster.connect(node);
    client.request("GET", "/a", "b.example");
    cluster.run();
    REQUIRE(client.answers() == 1);
    Reply(client.answer(0)).expect(200).body("hello");
  }
  CHECK(cluster.origin().requests().size() == 1);
}

TEST_CASE("the peer listener serves nobody without a certificate of a node", "[node][tls][cluster]") {
  Cluster cluster(with_certificates());
  cluster.origin().on("/a").reply(200).body("secret");
  const std::string envelope = "v=1;tier=region;hop=1;digest=0123456789abcdef;deadline_ms=9500;from=eu-2";
  net::TlsFactory factory(cluster.client_loop());
  const auto ask = [&](TestConnection& connection) {
    connection.request("GET", "http://a.example/a", "a.example", {{"perigee-peer", envelope}});
    cluster.run();
  };
  TestConnection& plain = cluster.connect("eu-1", 81);
  ask(plain);
  CHECK(plain.answers() == 0);
  CHECK(plain.ended());
  // Without one, and with one that another authority has issued.
  for (const std::string stem : {"", "self"}) {
    INFO(stem);
    TestConnection& stranger = cluster.connect_tls("eu-1", {factory, client(stem, "root.pem"), "eu-1"}, 81);
    ask(stranger);
    CHECK(stranger.answers() == 0);
    CHECK(stranger.ended());
  }
  CHECK(cluster.metric("eu-1", Metric::tls_handshakes_failed) == 3);
  // With one that names no node, or not the node that the request says it is from.
  for (const std::string stem : {"a", "peer-1"}) {
    INFO(stem);
    TestConnection& other = cluster.connect_tls("eu-1", {factory, client(stem, "root.pem"), "eu-1"}, 81);
    ask(other);
    REQUIRE(other.answers() == 1);
    CHECK(other.answer(0).status == 403);
  }
  CHECK(cluster.metric("eu-1", Metric::peer_rejected) == 2);
  CHECK(cluster.origin().requests().empty());
  TestConnection& peer = cluster.connect_tls("eu-1", {factory, client("peer-2", "root.pem"), "eu-1"}, 81);
  ask(peer);
  REQUIRE(peer.answers() == 1);
  CHECK(peer.answer(0).status == 200);
  CHECK(!peer.tls()->resumed);
}

TEST_CASE("a node is only asked when it proves to be itself, to the letter", "[node][tls][cluster]") {
  Cluster cluster(with_certificates());
  net::TlsFactory factory(cluster.client_loop());
  TestConnection& wrong = cluster.connect_tls("eu-1", {factory, client("peer-2", "root.pem"), "eu-2"}, 81);
  cluster.run_until([&] { return wrong.ended(); });
  CHECK(wrong.error() == net::StreamError::tls_failed);
}

TEST_CASE("a node that another one answers for is not asked", "[node][tls][cluster]") {
  Cluster cluster(with_certificates(3));
  cluster.origin().on("/a").reply(200).max_age(60).body("hello");
  const std::vector<std::string> owners = cluster.owners("eu", "/a");
  const std::string& receiver = owners.at(2);
  // Where the receiver looks for one of the owners there is the other, a node of the cluster as well.
  net::MemoryFiles& files = cluster.files(receiver);
  std::string topology = files.read_all("/etc/topology.toml", 1 << 20).value();
  const auto address = [](const std::string& node) { return "10.1.0." + node.substr(3) + ":81"; };
  const size_t first = topology.find(address(owners[0]));
  const size_t second = topology.find(address(owners[1]));
  REQUIRE(std::max(first, second) != std::string::npos);
  topology.replace(first, address(owners[0]).size(), address(owners[1]));
  topology.replace(second, address(owners[1]).size(), address(owners[0]));
  files.put("/etc/topology.toml", topology);
  REQUIRE(cluster.node(receiver).reload().applied);
  cluster.run();
  cluster.get(receiver, "/a").expect(200).body("hello");
  CHECK(cluster.origin().requests().size() == 1);
  CHECK(cluster.metric(receiver, Metric::upstream_failures_peer) == 2);
  for (const std::string& owner : owners) CHECK(cluster.metric(owner, Metric::peer_requests) == 0);
}

TEST_CASE("a wildcard names no node", "[node][tls]") {
  Cluster cluster(
      Setup()
          .file("a.pem", pem("a.pem"))
          .file("a.key", pem("a.key"))
          .tables("tls = [\"10.1.0.1:443\"]\n[[certificate]]\nchain = \"a.pem\"\nkey = \"a.key\"\n"));
  net::TlsFactory factory(cluster.client_loop());
  TestConnection& exact = cluster.connect_tls("eu-1", {factory, client("", "root.pem"), "a.example"});
  TestConnection& wild = cluster.connect_tls("eu-1", {factory, client("", "root.pem"), "www.a.example"});
  cluster.run_until([&] { return exact.connected() && wild.ended(); });
  CHECK(wild.error() == net::StreamError::tls_failed);
}

TEST_CASE("a peer by another authority is no peer, and the origin is asked", "[node][tls][cluster]") {
  Setup setup = with_certificates();
  for (const std::string number : {"1", "2"}) {
    setup.file("other-root.pem", pem("other-root.pem"))
        .file("stranger-" + number + ".pem", pem("stranger-" + number + ".pem"))
        .file("stranger-" + number + ".key", pem("stranger-" + number + ".key"));
  }
  Cluster cluster(setup);
  cluster.origin().on("/a").reply(200).max_age(60).body("hello");
  const auto [receiver, owner] = receiver_and_owner(cluster, "/a");
  net::MemoryFiles& files = cluster.files(owner);
  files.put("/etc/peer.pem", pem("stranger-" + owner.substr(3) + ".pem"));
  files.put("/etc/peer.key.pem", pem("stranger-" + owner.substr(3) + ".key"));
  // Not even the owner's own file vouches for it.
  const control::ReloadResult doubtful = cluster.node(owner).reload();
  REQUIRE(!doubtful.applied);
  CHECK(doubtful.errors.front().to_string().find("do not vouch for") != std::string::npos);
  files.put("/etc/root.pem", pem("other-root.pem"));
  REQUIRE(cluster.node(owner).reload().applied);
  cluster.run();
  cluster.get(receiver, "/a").expect(200).body("hello");
  CHECK(cluster.origin().requests().size() == 1);
  CHECK(cluster.metric(receiver, Metric::upstream_failures_peer) == 1);
  CHECK(cluster.metric(owner, Metric::peer_requests) == 0);
}

TEST_CASE("purges travel over TLS", "[node][tls][cluster][purge]") {
  Cluster cluster(with_certificates().purge_log("eu-1"));
  cluster.origin().on("/a").reply(200).max_age(60).body("hello");
  cluster.get("eu-1", "/a").expect(200);
  const Cluster::Purged purged = cluster.purge("eu-2", "{\"url\": \"http://a.example/a\"}");
  INFO(purged.json);
  CHECK(purged.status == 200);
  cluster.get("eu-2", "/a").expect(200);
  CHECK(cluster.origin().requests().size() == 2);
}

TEST_CASE("certificates of nodes change with a reload, the table itself with a restart",
          "[node][tls][reload]") {
  Cluster cluster(with_certificates());
  cluster.origin().on("/a").reply(200).max_age(60).body("hello");
  const auto [receiver, owner] = receiver_and_owner(cluster, "/a");
  cluster.get(receiver, "/a").expect(200);
  for (const std::string& name : {receiver, owner}) {
    cluster.files(name).put("/etc/root.pem", pem("self.pem") + pem("root.pem"));
    const control::ReloadResult result = cluster.node(name).reload();
    REQUIRE(result.applied);
    CHECK(result.changes.size() == 1);
  }
  cluster.run();
  cluster.get(receiver, "/a").expect(200);
  // The new settings make connections of their own.
  CHECK(cluster.metric(owner, Metric::tls_handshakes_full) == 2);
  cluster.files(owner).put("/etc/node.toml", Cluster::node_file(with_certificates(2, ""), owner));
  const control::ReloadResult without = cluster.node(owner).reload();
  CHECK(!without.applied);
  const std::string number = owner.substr(3) == "1" ? "2" : "1";
  cluster.files(owner).put("/etc/node.toml", Cluster::node_file(with_certificates(), owner));
  cluster.files(owner).put("/etc/peer.pem", pem("peer-" + number + ".pem"));
  cluster.files(owner).put("/etc/peer.key.pem", pem("peer-" + number + ".key"));
  const control::ReloadResult other = cluster.node(owner).reload();
  REQUIRE(!other.applied);
  CHECK(other.errors.front().to_string().find("one for this node, \"" + owner + "\"") != std::string::npos);
}

TEST_CASE("probes travel over TLS, and a node that cannot prove to be itself is dead to them",
          "[node][tls][cluster][probe]") {
  Setup setup = with_certificates(3);
  setup.probe("1s");
  Cluster cluster(setup);
  cluster.advance(4s);
  for (const std::string node : {"eu-1", "eu-2", "eu-3"}) {
    INFO(node);
    REQUIRE(cluster.metric(node, Metric::peer_probes) >= 6);
    // A connection to each of the two others, kept.
    REQUIRE(cluster.metric(node, Metric::tls_handshakes_full) +
                cluster.metric(node, Metric::tls_handshakes_resumed) ==
            2);
  }
  REQUIRE(cluster.metric(Metric::peer_probes_failed) == 0);
  REQUIRE(cluster.metric(Metric::peer_rejected) == 0);
  REQUIRE(seen(cluster, "eu-1", "eu-2")["state"] == "up");
  // eu-2 comes back with a certificate by somebody whom the others do not know.
  cluster.crash("eu-2");
  Setup stranger = setup;
  stranger.file("root.pem", pem("other-root.pem"))
      .file_of("eu-2", "peer.pem", pem("stranger-2.pem"))
      .file_of("eu-2", "peer.key.pem", pem("stranger-2.key"));
  cluster.restart(stranger, "eu-2");
  cluster.advance(8s);
  REQUIRE(seen(cluster, "eu-1", "eu-2")["state"] == "ejected");
  REQUIRE(seen(cluster, "eu-3", "eu-2")["state"] == "ejected");
  REQUIRE(seen(cluster, "eu-1", "eu-3")["state"] == "up");
  cluster.crash("eu-2");
  cluster.restart(setup, "eu-2");
  cluster.advance(8s);
  REQUIRE(seen(cluster, "eu-1", "eu-2")["state"] == "up");
  REQUIRE(seen(cluster, "eu-3", "eu-2")["state"] == "up");
}

}  // namespace
}  // namespace perigee::test
