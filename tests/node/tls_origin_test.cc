// Origins that are asked over TLS.
#include <catch2/catch_test_macros.hpp>

#include "edge/base/json.h"
#include "edge/net/tls_stream.h"
#include "tests/node/support/cluster.h"
#include "tests/unit/test_files.h"

namespace perigee::test {
namespace {

// A node that is the origin of another one: it serves a.example over TLS from the scripted origin.
class Rig {
 public:
  explicit Rig(const std::string& settings, const std::string& authorities = "root.pem",
               const std::string& servers = R"(["10.1.0.1:443"])") {
    Setup front;
    front.nodes({"us-2"})
        .tables("admin = \"127.0.0.2:9180\"\n")
        .file("root.pem", pem(authorities))
        .origin("servers = " + servers + "\ntls = true\ntls_authorities = \"root.pem\"\n" + settings)
        .file("a.pem", pem("a.pem"));
    Setup behind;
    behind.file("a.pem", pem("a.pem"))
        .file("a.key", pem("a.key"))
        .tables("tls = " + servers + "\n[[certificate]]\nchain = \"a.pem\"\nkey = \"a.key\"\n");
    cluster = std::make_unique<Cluster>(behind);
    cluster->add_node(front, "us-2");
    cluster->run();
    cluster->origin().on("/a").reply(200).body("hello").field("cache-control", "no-store");
  }
  std::unique_ptr<Cluster> cluster;
};

TEST_CASE("an origin is asked over TLS, on one connection for many requests", "[node][tls]") {
  Rig rig("tls_name = \"a.example\"\n");
  for (int i = 0; i < 3; ++i) rig.cluster->get("us-2", "/a").expect(200).body("hello");
  CHECK(rig.cluster->node("eu-1").metric(Metric::tls_handshakes_full) == 1);
  CHECK(rig.cluster->node("us-2").metric(Metric::upstream_reuses) == 2);
  CHECK(rig.cluster->origin().last().header("x-forwarded-proto") == "https");
}

TEST_CASE("the host that is asked for is whom an origin must prove to be", "[node][tls]") {
  Rig rig("host_header = \"www.a.example\"\n");
  rig.cluster->get("us-2", "/a").expect(200).body("hello");
}

TEST_CASE("an origin that proves to be somebody else is not asked", "[node][tls]") {
  for (const std::string name : {"b.example", "10.1.0.1"}) {
    Rig rig("tls_name = \"" + name + "\"\n");
    const Reply reply = rig.cluster->get("us-2", "/a");
    reply.expect(502);
    CHECK(reply.answer().header("proxy-status").find("tls_protocol_error") != std::string::npos);
    CHECK(rig.cluster->origin().requests().empty());
  }
}

TEST_CASE("an origin that nobody we trust vouches for is not asked", "[node][tls]") {
  Rig rig("tls_name = \"a.example\"\n", "self.pem");
  rig.cluster->get("us-2", "/a").expect(502);
  CHECK(rig.cluster->origin().requests().empty());
}

TEST_CASE("sessions with an origin are resumed", "[node][tls]") {
  Rig rig("tls_name = \"a.example\"\n");
  for (int i = 0; i < 3; ++i) {
    rig.cluster->get("us-2", "/a").expect(200);
    // The origin closes what is idle for a minute.
    rig.cluster->advance(std::chrono::seconds(61));
  }
  CHECK(rig.cluster->node("eu-1").metric(Metric::tls_handshakes_full) == 1);
  CHECK(rig.cluster->node("eu-1").metric(Metric::tls_handshakes_resumed) == 2);
}

TEST_CASE("the session of a request that was taken back is resumed", "[node][tls]") {
  Rig rig("tls_name = \"a.example\"\n");
  rig.cluster->origin().on("/slow").reply(200).delay(std::chrono::minutes(5)).body("x");
  rig.cluster->get("us-2", "/slow").expect(504);
  rig.cluster->get("us-2", "/a").expect(200);
  CHECK(rig.cluster->node("eu-1").metric(Metric::tls_handshakes_full) == 1);
  CHECK(rig.cluster->node("eu-1").metric(Metric::tls_handshakes_resumed) >= 1);
}

TEST_CASE("sessions with different servers of one name are kept apart", "[node][tls]") {
  // One node at two addresses: it would resume at either what was begun at the other.
  Rig rig("tls_name = \"a.example\"\n", "root.pem", R"(["10.1.0.1:443", "10.1.0.1:444"])");
  constexpr uint64_t requests = 12;
  for (uint64_t i = 0; i < requests; ++i) {
    rig.cluster->get("us-2", "/a").expect(200);
    rig.cluster->advance(std::chrono::seconds(61));
  }
  CHECK(rig.cluster->node("eu-1").metric(Metric::tls_handshakes_full) == 2);
  CHECK(rig.cluster->node("eu-1").metric(Metric::tls_handshakes_resumed) == requests - 2);
}

const std::string probing = "probe_path = \"/up\"\nprobe_interval = \"1s\"\nprobe_timeout = \"300ms\"\n";

std::string state_of_origin(Cluster& cluster) {
  return parse_json(cluster.topology("us-2"))["origins"][0]["state"].get<std::string>();
}

TEST_CASE("an origin is probed over TLS", "[node][tls][probe]") {
  Rig rig("tls_name = \"a.example\"\n" + probing);
  rig.cluster->origin().on("/up").reply(204);
  rig.cluster->advance(std::chrono::seconds(5));
  CHECK(rig.cluster->origin().count("GET", "/up") >= 3);
  CHECK(rig.cluster->metric("us-2", Metric::origin_probes_failed) == 0);
  CHECK(state_of_origin(*rig.cluster) == "up");
  // It is there, and says that it should not be asked.
  rig.cluster->origin().on("/up").reply(503);
  rig.cluster->advance(std::chrono::seconds(5));
  CHECK(state_of_origin(*rig.cluster) == "down");
}

TEST_CASE("an origin that does not prove to be itself fails its probes, and a reload lets it back",
          "[node][tls][probe]") {
  const std::vector<std::pair<std::string, std::string>> faults = {{"a.example", "self.pem"},
                                                                   {"b.example", "root.pem"}};
  for (const auto& [name, authorities] : faults) {
    INFO(name << " by " << authorities);
    Rig rig("tls_name = \"" + name + "\"\n" + probing, authorities);
    rig.cluster->origin().on("/up").reply(204);
    rig.cluster->advance(std::chrono::seconds(5));
    CHECK(state_of_origin(*rig.cluster) == "down");
    CHECK(rig.cluster->metric("us-2", Metric::origin_probes_failed) >= 3);
    CHECK(rig.cluster->origin().requests().empty());
    net::MemoryFiles& files = rig.cluster->files("us-2");
    std::string toml = files.read_all(std::string(Cluster::node_path), 1 << 20).value();
    const size_t at = toml.find("tls_name = \"" + name);
    REQUIRE(at != std::string::npos);
    toml.replace(at, 12 + name.size(), "tls_name = \"a.example");
    files.put(std::string(Cluster::node_path), toml);
    files.put("/etc/root.pem", pem("root.pem"));
    REQUIRE(rig.cluster->node("us-2").reload().applied);
    rig.cluster->advance(std::chrono::seconds(5));
    CHECK(state_of_origin(*rig.cluster) != "down");
    CHECK(rig.cluster->origin().count("GET", "/up") >= 2);
    rig.cluster->get("us-2", "/a").expect(200).body("hello");
  }
}

}  // namespace
}  // namespace perigee::test
