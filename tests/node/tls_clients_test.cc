// Certificates of clients (RFC 9440), on whole nodes.
#include <catch2/catch_test_macros.hpp>

#include "edge/net/tls_stream.h"
#include "tests/node/support/cluster.h"
#include "tests/node/support/h2_client.h"
#include "tests/unit/test_files.h"

namespace perigee::test {
namespace {

// a.example asks nobody, b.example as mode says.
Setup asking(const std::string& mode) {
  Setup setup;
  for (const std::string stem : {"a", "b"})
    setup.file(stem + ".pem", pem(stem + ".pem")).file(stem + ".key", pem(stem + ".key"));
  return setup.file("root.pem", pem("root.pem"))
      .tables(
          "tls = [\"10.1.0.1:443\"]\n"
          "[[certificate]]\nchain = \"a.pem\"\nkey = \"a.key\"\n"
          "[[certificate]]\nchain = \"b.pem\"\nkey = \"b.key\"\n"
          "[[site]]\nname = \"b\"\nhosts = [\"b.example\"]\norigin = \"content\"\n"
          "client_certificates = \"" +
          mode + "\"\n" + (mode == "off" ? "" : "client_authorities = \"root.pem\"\n"));
}

class Rig {
 public:
  explicit Rig(const std::string& mode) : cluster(asking(mode)), factory(cluster.client_loop()) {
    cluster.origin().on("/a").reply(200).max_age(60).body("x");
  }
  // stem: of the certificate it shows; empty: none.
  std::shared_ptr<net::TlsClientContext> client(const std::string& stem, bool http2 = false) {
    net::TlsClientSettings settings;
    settings.authorities_pem = pem("root.pem");
    settings.offer_http2 = http2;
    if (!stem.empty())
      settings.certificate =
          net::read_tls_certificate({pem(stem + ".pem"), pem(stem + ".key"), ""}, std::nullopt).value();
    return net::TlsClientContext::build(settings).value();
  }
  TestConnection& get(const std::shared_ptr<net::TlsClientContext>& context, const std::string& name,
                      const std::string& host, const Headers& headers = {}) {
    TestConnection& connection = cluster.connect_tls("eu-1", {factory, context, name, "one key for all"});
    connection.request("GET", "/a", host, headers);
    cluster.run();
    return connection;
  }
  Cluster cluster;
  net::TlsFactory factory;
};

TEST_CASE("a site that requires certificates serves who shows one, and tells the origin", "[node][tls]") {
  Rig rig("required");
  TestConnection& without = rig.get(rig.client(""), "b.example", "b.example");
  CHECK(without.answers() == 0);
  CHECK(without.ended());
  // Another authority's.
  TestConnection& stranger = rig.get(rig.client("self"), "b.example", "b.example");
  CHECK(stranger.answers() == 0);
  CHECK(rig.cluster.origin().requests().empty());
  TestConnection& with =
      rig.get(rig.client("peer-1"), "b.example", "b.example", {{"client-cert", ":Zm9yZ2Vk:"}});
  REQUIRE(with.answers() == 1);
  CHECK(with.answer(0).status == 200);
  const std::string shown = rig.cluster.origin().last().header("client-cert");
  const std::string chain = rig.cluster.origin().last().header("client-cert-chain");
  CHECK(shown.starts_with(":MII"));
  CHECK(shown.ends_with(":"));
  CHECK(shown.find("Zm9yZ2Vk") == std::string::npos);
  CHECK(chain.starts_with(":MII"));
  CHECK(chain != shown);
}

TEST_CASE("nobody can say of himself that he has shown a certificate", "[node][tls]") {
  Rig rig("optional");
  const Headers forged = {{"client-cert", ":Zm9yZ2Vk:"},
                          {"client-cert-chain", ":Zm9yZ2Vk:"},
                          {"client_cert", ":Zm9yZ2Vk:"},
                          {"Client_Cert-chain", ":Zm9yZ2Vk:"}};
  CHECK(rig.get(rig.client(""), "b.example", "b.example", forged).answer(0).status == 200);
  CHECK(rig.cluster.origin().last().header("client-cert").empty());
  CHECK(rig.cluster.origin().last().header("client-cert-chain").empty());
  // Which many origins take for the same (RFC 3875 4.1.18).
  CHECK(rig.cluster.origin().last().header("client_cert").empty());
  CHECK(rig.cluster.origin().last().header("client_cert-chain").empty());
  rig.get(rig.client("peer-1"), "a.example", "a.example", forged);
  CHECK(rig.cluster.origin().last().header("host") == "a.example");
  CHECK(rig.cluster.origin().last().header("client-cert").empty());
  rig.cluster.request("eu-1", "GET", "/b", forged);
  CHECK(rig.cluster.origin().last().header("client-cert").empty());
}

TEST_CASE("what is answered to who showed a certificate is not for others, unless the origin says so",
          "[node][tls]") {
  Rig rig("optional");
  CHECK(rig.get(rig.client("peer-1"), "b.example", "b.example").answer(0).status == 200);
  CHECK(!rig.get(rig.client(""), "b.example", "b.example").answer(0).hit());
  CHECK(rig.get(rig.client(""), "b.example", "b.example").answer(0).hit());
  rig.cluster.origin().on("/public").reply(200).field("cache-control", "public, max-age=60").body("x");
  for (const bool hit : {false, true}) {
    TestConnection& client =
        rig.cluster.connect_tls("eu-1", {rig.factory, rig.client("peer-1"), "b.example"});
    client.request("GET", "/public", "b.example");
    rig.cluster.run();
    CHECK(client.answer(0).hit() == hit);
  }
}

TEST_CASE("a connection that was not asked for a certificate is misdirected", "[node][tls]") {
  for (const std::string mode : {"optional", "required"}) {
    Rig rig(mode);
    CHECK(rig.get(rig.client("peer-1"), "a.example", "b.example").answer(0).status == 421);
    // Nor can it get there without TLS.
    TestConnection& plain = rig.cluster.connect("eu-1");
    plain.request("GET", "/a", "b.example");
    rig.cluster.run();
    CHECK(plain.answer(0).status == (mode == "required" ? 403 : 200));
  }
}

TEST_CASE("a session with a host that asks nobody does not open one that asks", "[node][tls]") {
  Rig rig("required");
  const auto context = rig.client("");
  CHECK(rig.get(context, "a.example", "a.example").answer(0).status == 200);
  TestConnection& again = rig.get(context, "a.example", "a.example");
  CHECK(again.tls()->resumed);
  TestConnection& elsewhere = rig.get(context, "b.example", "b.example");
  CHECK(elsewhere.answers() == 0);
  CHECK(elsewhere.ended());
}

TEST_CASE("who shows a certificate does so each time", "[node][tls]") {
  Rig rig("required");
  const auto context = rig.client("peer-1");
  for (int i = 0; i < 3; ++i) {
    TestConnection& client = rig.get(context, "b.example", "b.example");
    CHECK(client.answer(0).status == 200);
    CHECK(!client.tls()->resumed);
  }
}

TEST_CASE("certificates of clients work over HTTP/2", "[node][tls][h2]") {
  Rig rig("required");
  H2Client client(rig.cluster.client_loop(), net::Address::parse("10.1.0.1:443").value(),
                  {rig.factory, rig.client("peer-1", true), "b.example"});
  rig.cluster.run();
  const int32_t own = client.request("GET", "/a", "b.example", {{"client-cert", ":Zm9yZ2Vk:"}});
  const int32_t other = client.request("GET", "/a", "a.example");
  rig.cluster.run();
  CHECK(client.exchange(own).answer.status == 200);
  CHECK(client.exchange(other).answer.status == 421);
  CHECK(rig.cluster.origin().last().header("client-cert").starts_with(":MII"));
}

TEST_CASE("rules that cannot work are refused by name", "[node][tls]") {
  struct Case {
    std::string settings;
    std::string_view says;
  };
  const Case cases[] = {
      {"client_certificates = \"required\"\n", "client_authorities"},
      {"client_certificates = \"required\"\nclient_authorities = \"missing.pem\"\n", "/etc/missing.pem"},
      {"client_certificates = \"required\"\nclient_authorities = \"b.key\"\n",
       "no certificate in /etc/b.key"},
      {"client_authorities = \"root.pem\"\n", "asked for nothing"},
      {"client_certificates = \"always\"\n", "required"},
  };
  Rig rig("off");
  for (const Case& each : cases) {
    INFO(each.settings);
    Setup changed = asking("off").site(each.settings);
    rig.cluster.files("eu-1").put("/etc/node.toml", Cluster::node_file(changed, "eu-1"));
    const control::ReloadResult result = rig.cluster.node("eu-1").reload();
    REQUIRE(!result.applied);
    std::string text;
    for (const control::ConfigError& error : result.errors) text += error.to_string() + "\n";
    INFO(text);
    CHECK(text.find(each.says) != std::string::npos);
  }
}

}  // namespace
}  // namespace perigee::test
