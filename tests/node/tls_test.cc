// TLS for clients, on whole nodes.
#include <catch2/catch_test_macros.hpp>

#include "edge/net/tls_stream.h"
#include "tests/node/support/cluster.h"
#include "tests/unit/test_files.h"

namespace perigee::test {
namespace {

using namespace std::chrono_literals;

std::string certificate(const std::string& section, const std::string& stem) {
  return "[[" + section + "]]\nchain = \"" + stem + ".pem\"\nkey = \"" + stem + ".key\"\n";
}

Setup with_files() {
  Setup setup;
  for (const std::string stem : {"a", "a-rsa", "b", "w", "x", "expired", "weak"})
    setup.file(stem + ".pem", pem(stem + ".pem")).file(stem + ".key", pem(stem + ".key"));
  setup.file("old.secret", std::string(64, 'o')).file("new.secret", std::string(64, 'n'));
  return setup;
}

// The listener, and certificates of the node; more: further tables.
Setup tls_node(const std::string& more = "") {
  return with_files().tables("tls = [\"10.1.0.1:443\"]\n" + certificate("certificate", "a") +
                             certificate("certificate", "a-rsa") + more);
}

class Rig {
 public:
  explicit Rig(const Setup& setup) : cluster(setup), factory_(cluster.client_loop()) {}

  std::shared_ptr<net::TlsClientContext> trusting() {
    return net::TlsClientContext::build({pem("root.pem"), nullptr, false}).value();
  }
  TestConnection& connect(const std::string& name = "a.example",
                          std::shared_ptr<net::TlsClientContext> context = nullptr) {
    if (context == nullptr) context = trusting();
    return cluster.connect_tls("eu-1", {factory_, std::move(context), name});
  }
  // The answer to a GET on a connection.
  Reply get(TestConnection& connection, std::string_view target, std::string_view host = "a.example") {
    const size_t before = connection.answers();
    connection.request("GET", target, host);
    cluster.run_until([&] { return connection.answers() > before || connection.ended(); });
    return connection.answers() > before ? Reply(connection.answer(before)) : Reply(connection.partial());
  }
  // One GET on a connection of its own; whether an earlier session was resumed.
  bool resumes(const std::shared_ptr<net::TlsClientContext>& context) {
    TestConnection& connection = connect("a.example", context);
    get(connection, "/a").expect(200);
    return connection.tls()->resumed;
  }
  control::ReloadResult reload(const Setup& setup) {
    cluster.files("eu-1").put(std::string(Cluster::node_path), Cluster::node_file(setup, "eu-1"));
    control::ReloadResult result = cluster.node("eu-1").reload();
    cluster.run();
    return result;
  }

  Cluster cluster;

 private:
  net::TlsFactory factory_;
};

TEST_CASE("a client is answered over TLS, and stays", "[node][tls]") {
  Rig rig(tls_node());
  rig.cluster.origin().on("/a").reply(200).max_age(60).body("hello");
  TestConnection& client = rig.connect();
  rig.get(client, "/a").expect(200).body("hello").miss();
  rig.get(client, "/a").expect(200).body("hello").hit();
  CHECK(client.tls()->version == "TLSv1.3");
  CHECK(client.tls()->peer_names == std::vector<std::string>{"a.example", "*.a.example"});
  CHECK(rig.cluster.origin().last().header("x-forwarded-proto") == "https");
  CHECK(rig.cluster.metric(Metric::tls_handshakes_full) == 1);
}

TEST_CASE("http and https are different keys", "[node][tls]") {
  Rig rig(tls_node());
  rig.cluster.origin().on("/a").reply(200).max_age(60).body("x");
  rig.cluster.get("eu-1", "/a").expect(200).miss();
  rig.get(rig.connect(), "/a").expect(200).miss();
}

TEST_CASE("large bodies come whole however the bytes are cut", "[node][tls]") {
  std::string body(3'000'000, ' ');
  for (size_t i = 0; i < body.size(); ++i) body[i] = static_cast<char>('a' + i * 7 % 23);
  for (uint64_t seed = 1; seed <= 6; ++seed) {
    INFO("seed " << seed);
    Rig rig(tls_node().seed(seed));
    net::StreamShape& shape = rig.cluster.io("eu-1").shape();
    shape.random_read_sizes = true;
    shape.send_buffer_bytes = seed % 2 == 0 ? 5'000 : 100'000;
    shape.write_bytes_max = seed % 3 == 0 ? 1'500 : 0;
    rig.cluster.origin().on("/big").reply(200).max_age(60).body(body);
    TestConnection& client = rig.connect();
    rig.get(client, "/big").expect(200).body(body);
    rig.get(client, "/big").expect(200).body(body);
  }
}

TEST_CASE("a client that does not read holds up nobody, and gets all in the end", "[node][tls]") {
  Rig rig(tls_node());
  const std::string body(2'000'000, 'x');
  rig.cluster.origin().on("/big").reply(200).max_age(60).body(body);
  TestConnection& slow = rig.connect();
  rig.cluster.run_until([&] { return slow.connected(); });
  slow.pause();
  slow.request("GET", "/big", "a.example");
  rig.cluster.advance(10s);
  rig.get(rig.connect(), "/big").expect(200).body(body);
  REQUIRE(slow.answers() == 0);
  slow.resume();
  rig.cluster.run_until([&] { return slow.answers() == 1; });
  Reply(slow.answer(0)).expect(200).body(body);
}

TEST_CASE("request content passes through TLS", "[node][tls]") {
  Rig rig(tls_node());
  const std::string content(500'000, 'c');
  rig.cluster.origin().on("/up").reply(200).body("taken");
  TestConnection& client = rig.connect();
  client.request("POST", "/up", "a.example", {}, content);
  rig.cluster.run_until([&] { return client.answers() == 1; });
  Reply(client.answer(0)).expect(200).body("taken");
  CHECK(rig.cluster.origin().last().body == content);
}

TEST_CASE("the name a client sends chooses the certificate", "[node][tls]") {
  Rig rig(with_files().tables("tls = [\"10.1.0.1:443\"]\n" + certificate("certificate", "a") +
                              "[[site]]\nname = \"b\"\nhosts = [\"b.example\"]\norigin = \"content\"\n" +
                              certificate("site.certificate", "b")));
  rig.cluster.origin().on("/a").reply(200).body("x");
  for (const std::string name : {"a.example", "www.a.example", "b.example", "B.Example"}) {
    INFO(name);
    TestConnection& client = rig.connect(name);
    rig.get(client, "/a", name).expect(200);
    CHECK(client.tls()->peer_names.front() == (to_lower(name[0]) == 'b' ? "b.example" : "a.example"));
  }
  // No certificate is for it: the client sees that of the node and will not have it.
  TestConnection& other = rig.connect("c.example");
  rig.cluster.run_until([&] { return other.ended(); });
  CHECK(!other.connected());
  CHECK(other.error() == net::StreamError::tls_failed);
}

TEST_CASE("an exact name comes before a wildcard, whatever the order of the tables", "[node][tls]") {
  // The one of x.w.example alone is behind the wildcard's, and neither is the node's own.
  Rig rig(with_files().tables("tls = [\"10.1.0.1:443\"]\n" + certificate("certificate", "a") +
                              "[[site]]\nname = \"w\"\nhosts = [\"*.w.example\"]\norigin = \"content\"\n" +
                              certificate("site.certificate", "w") +
                              "[[site]]\nname = \"x\"\nhosts = [\"x.w.example\"]\norigin = \"content\"\n" +
                              certificate("site.certificate", "x")));
  rig.cluster.origin().on("/a").reply(200).body("x");
  for (const auto& [name, shown] :
       {std::pair("y.w.example", "*.w.example"), std::pair("x.w.example", "x.w.example")}) {
    INFO(name);
    TestConnection& client = rig.connect(name);
    rig.get(client, "/a", name).expect(200);
    CHECK(client.tls()->peer_names.front() == shown);
  }
  // A wildcard stands for one label.
  TestConnection& deep = rig.connect("z.y.w.example");
  rig.cluster.run_until([&] { return deep.ended(); });
  CHECK(!deep.connected());
}

TEST_CASE("a request for another site than the one that was shaken hands with is misdirected",
          "[node][tls]") {
  Rig rig(with_files().tables("tls = [\"10.1.0.1:443\"]\n" + certificate("certificate", "a") +
                              "[[site]]\nname = \"b\"\nhosts = [\"b.example\"]\norigin = \"content\"\n" +
                              certificate("site.certificate", "b")));
  rig.cluster.origin().on("/a").reply(200).body("x");
  TestConnection& client = rig.connect("a.example");
  rig.get(client, "/a", "www.a.example").expect(200);
  rig.get(client, "/a", "b.example").expect(421);
  rig.get(client, "/a", "a.example:443").expect(200);
}

TEST_CASE("a client that trusts somebody else is no client", "[node][tls]") {
  Rig rig(tls_node());
  TestConnection& client = rig.connect(
      "a.example",
      net::TlsClientContext::build({read_test_file("certificates/self.pem"), nullptr, false}).value());
  rig.cluster.run_until([&] { return client.ended(); });
  rig.cluster.run();
  CHECK(client.error() == net::StreamError::tls_failed);
  CHECK(rig.cluster.metric(Metric::tls_handshakes_failed) == 1);
  CHECK(rig.cluster.metric(Metric::connections_open) == 0);
}

TEST_CASE("what is no TLS is turned away, and what is nothing is in time", "[node][tls]") {
  Rig rig(tls_node());
  TestConnection& plain = rig.cluster.connect("eu-1", 443);
  plain.send("GET / HTTP/1.1\r\nhost: a.example\r\n\r\n");
  rig.cluster.run();
  CHECK(plain.ended());
  CHECK(rig.cluster.metric(Metric::tls_handshakes_failed) == 1);
  TestConnection& silent = rig.cluster.connect("eu-1", 443);
  rig.cluster.advance(9s);
  CHECK(!silent.ended());
  rig.cluster.advance(2s);
  CHECK(silent.ended());
  CHECK(rig.cluster.metric(Metric::client_timeouts) == 1);
}

TEST_CASE("sessions are resumed for as long as one node knows the key", "[node][tls]") {
  const std::string both = "[tls]\nticket_keys = [\"new.secret\", \"old.secret\"]\n";
  Rig rig(tls_node("[tls]\nticket_keys = [\"old.secret\"]\n"));
  rig.cluster.origin().on("/a").reply(200).body("x");
  const auto context = rig.trusting();
  CHECK(!rig.resumes(context));
  CHECK(rig.resumes(context));
  // A new key seals, the old one still opens: nobody notices.
  REQUIRE(rig.reload(tls_node(both)).applied);
  CHECK(rig.resumes(context));
  REQUIRE(rig.reload(tls_node("[tls]\nticket_keys = [\"new.secret\"]\n")).applied);
  CHECK(rig.resumes(context));
  REQUIRE(rig.reload(tls_node("[tls]\nticket_keys = [\"old.secret\"]\n")).applied);
  CHECK(!rig.resumes(context));
  CHECK(rig.cluster.metric(Metric::tls_handshakes_resumed) == 3);
}

TEST_CASE("without keys in the configuration sessions are resumed all the same, also after a reload",
          "[node][tls]") {
  Rig rig(tls_node());
  rig.cluster.origin().on("/a").reply(200).body("x");
  const auto context = rig.trusting();
  CHECK(!rig.resumes(context));
  REQUIRE(rig.reload(tls_node("[log]\nlevel = \"debug\"\n")).applied);
  CHECK(rig.resumes(context));
}

TEST_CASE("certificates change with a reload and connections stay", "[node][tls]") {
  Rig rig(with_files().tables("tls = [\"10.1.0.1:443\"]\n" + certificate("certificate", "a")));
  rig.cluster.origin().on("/a").reply(200).body("x");
  TestConnection& before = rig.connect();
  rig.get(before, "/a").expect(200);
  // The same files with other content are a change too.
  rig.cluster.files("eu-1").put("/etc/a.pem", pem("a-rsa.pem"));
  rig.cluster.files("eu-1").put("/etc/a.key", pem("a-rsa.key"));
  const control::ReloadResult result = rig.cluster.node("eu-1").reload();
  rig.cluster.run();
  REQUIRE(result.applied);
  CHECK(result.changes.size() == 2);
  rig.get(before, "/a").expect(200);
  rig.get(rig.connect(), "/a").expect(200);
  CHECK(rig.cluster.metric(Metric::tls_handshakes_full) == 2);
}

TEST_CASE("a certificate that is no good is refused by name and the old one stays", "[node][tls]") {
  Rig rig(tls_node());
  rig.cluster.origin().on("/a").reply(200).body("x");
  const std::string site = "[[site]]\nname = \"b\"\nhosts = [\"b.example\"]\norigin = \"content\"\n";
  struct Case {
    std::string tables;
    std::string_view says;
  };
  const Case cases[] = {
      {certificate("certificate", "expired"), "expired on 2001-01-01 in /etc/expired.pem"},
      {certificate("certificate", "weak"), "too small"},
      {certificate("certificate", "missing"), "/etc/missing.pem"},
      {"[[certificate]]\nchain = \"a.pem\"\nkey = \"b.key\"\n",
       "the key of another certificate in /etc/b.key"},
      {site + certificate("site.certificate", "a"), "one for a host of site \"b\": b.example"},
      {site + "[[site.certificate]]\nchain = \"b.pem\"\nkey = \"a.key\"\n",
       "the key of this certificate of site \"b\""},
  };
  for (const Case& each : cases) {
    INFO(each.says);
    const control::ReloadResult result = rig.reload(tls_node(each.tables));
    REQUIRE(!result.applied);
    std::string text;
    for (const control::ConfigError& error : result.errors) text += error.to_string() + "\n";
    INFO(text);
    CHECK(text.find(each.says) != std::string::npos);
    CHECK(text.starts_with("/etc/node.toml:"));
    rig.get(rig.connect(), "/a").expect(200);
  }
}

TEST_CASE("a drain ends connections over TLS in order", "[node][tls]") {
  Rig rig(tls_node());
  rig.cluster.origin().on("/a").reply(200).delay(3s).body("late");
  TestConnection& idle = rig.connect();
  TestConnection& busy = rig.connect();
  rig.get(idle, "/b");
  rig.cluster.run_until([&] { return busy.connected(); });
  busy.request("GET", "/a", "a.example");
  rig.cluster.advance(1s);
  bool drained = false;
  rig.cluster.node("eu-1").drain([&] { drained = true; });
  rig.cluster.run();
  CHECK(idle.ended());
  CHECK(!idle.was_reset());
  rig.cluster.run_until([&] { return drained && busy.answers() == 1; });
  Reply(busy.answer(0)).expect(200).body("late");
}

}  // namespace
}  // namespace perigee::test
