// What a request of HTTP/2 may be for: scheme and authority against the connection that it came on, by raw
// frames, on whole nodes.
#include <catch2/catch_test_macros.hpp>

#include "edge/net/tls_stream.h"
#include "tests/node/support/cluster.h"
#include "tests/node/support/h2_heads.h"
#include "tests/unit/test_files.h"

namespace perigee::test {
namespace {

// a.example, *.a.example and whatever else is no host of b's are one site; b.example is another. The one
// certificate of the node is for a's, the one of b for b's.
Setup two_sites() {
  Setup setup;
  for (const std::string stem : {"a", "b"})
    setup.file(stem + ".pem", pem(stem + ".pem")).file(stem + ".key", pem(stem + ".key"));
  return setup.tables(
      "tls = [\"10.1.0.1:443\"]\nhttp2_clear = true\n"
      "[[certificate]]\nchain = \"a.pem\"\nkey = \"a.key\"\n"
      "[[site]]\nname = \"b\"\nhosts = [\"b.example\"]\norigin = \"content\"\n"
      "[[site.certificate]]\nchain = \"b.pem\"\nkey = \"b.key\"\n");
}

std::string request(uint32_t stream, const std::string& scheme, const std::string& authority,
                    const std::string& path = "/a") {
  return frame(FrameType::headers, end_stream | end_headers, stream,
               block({{":method", "GET"}, {":scheme", scheme}, {":path", path}, {":authority", authority}}));
}

class Rig {
 public:
  Rig() : cluster(two_sites()), factory_(cluster.client_loop()) {
    cluster.origin().on("/a").reply(200).max_age(60).body("x");
  }
  // Frames on a connection over TLS that was opened with this name, or on a clear one; what came back.
  TestConnection& secure(const std::string& name, const std::string& frames) {
    net::TlsClientSettings settings;
    settings.authorities_pem = pem("root.pem");
    settings.offer_http2 = true;
    auto context = net::TlsClientContext::build(settings).value();
    return said(cluster.connect_tls("eu-1", {factory_, std::move(context), name}), frames);
  }
  TestConnection& clear(const std::string& frames) { return said(cluster.connect("eu-1"), frames); }

  Cluster cluster;

 private:
  TestConnection& said(TestConnection& connection, const std::string& frames) {
    cluster.run();
    connection.send(h2_hello() + frames);
    cluster.run();
    return connection;
  }
  net::TlsFactory factory_;
};

TEST_CASE("streams are answered for the hosts of the site that was shaken hands with, and no others",
          "[node][tls][h2]") {
  Rig rig;
  struct Case {
    std::string name;
    std::string authority;
    std::string status;
  };
  const Case cases[] = {
      {"a.example", "a.example", "200"},     {"a.example", "A.Example:443", "200"},
      {"a.example", "www.a.example", "200"}, {"a.example", "b.example", "421"},
      {"b.example", "b.example", "200"},     {"b.example", "a.example", "421"},
      {"www.a.example", "a.example", "200"}, {"b.example", "www.a.example:443", "421"},
      {"a.example", "b.example:443", "421"}, {"a.example", "B.EXAMPLE", "421"},
      {"a.example", "b.example.", "421"},    {"a.example", "a.example.", "200"},
  };
  for (const Case& each : cases) {
    INFO(each.name << " asked for " << each.authority);
    TestConnection& client = rig.secure(each.name, request(1, "https", each.authority));
    CHECK(final_status(client.received(), 1) == each.status);
    CHECK(!client.ended());
  }
}

TEST_CASE("a misdirected stream harms none of its neighbours, and nothing goes to the origin for it",
          "[node][tls][h2]") {
  Rig rig;
  TestConnection& client =
      rig.secure("a.example", request(1, "https", "a.example") + request(3, "https", "b.example") +
                                  request(5, "https", "www.a.example"));
  CHECK(final_status(client.received(), 1) == "200");
  CHECK(final_status(client.received(), 3) == "421");
  CHECK(final_status(client.received(), 5) == "200");
  for (const SeenHead& head : heads_of(client.received())) {
    if (head.stream == 3) CHECK(head.field("cache-status").find("detail=misdirected") != std::string::npos);
  }
  for (const ReceivedRequest& seen : rig.cluster.origin().requests())
    CHECK(seen.header("host") != "b.example");
  // What was refused there is to be had on a connection of its own.
  CHECK(final_status(rig.secure("b.example", request(1, "https", "b.example")).received(), 1) == "200");
}

TEST_CASE("the scheme of a request is that of its connection", "[node][tls][h2]") {
  Rig rig;
  const std::string both = request(1, "http", "a.example") + request(3, "https", "a.example") +
                           request(5, "HTTP", "a.example") + request(7, "HTTPS", "a.example") +
                           request(9, "ftp", "a.example") + request(11, "", "a.example");
  struct Case {
    std::string_view clear;
    std::string_view secure;
  };
  const Case expected[] = {{"200", "421"}, {"421", "200"}, {"200", "421"}, {"421", "200"}, {"421", "421"}};
  const TestConnection& clear = rig.clear(both);
  const TestConnection& secure = rig.secure("a.example", both);
  uint32_t stream = 1;
  for (const Case& each : expected) {
    INFO("stream " << stream);
    CHECK(final_status(clear.received(), stream) == each.clear);
    CHECK(final_status(secure.received(), stream) == each.secure);
    stream += 2;
  }
  CHECK(!clear.ended());
  CHECK(!secure.ended());
  for (const SeenHead& head : heads_of(clear.received())) {
    if (head.stream == 3) CHECK(head.field("cache-status").find("detail=scheme") != std::string::npos);
  }
}

TEST_CASE("what is stored and what the origin sees has one spelling of scheme and authority",
          "[node][tls][h2]") {
  Rig rig;
  rig.clear(request(1, "http", "a.example"));
  REQUIRE(rig.cluster.origin().requests().size() == 1);
  CHECK(rig.cluster.origin().last().header("host") == "a.example");
  CHECK(rig.cluster.origin().last().header("x-forwarded-proto") == "http");
  CHECK(rig.cluster.origin().last().target == "/a");
  // Other spellings are the same stored response.
  const TestConnection& again =
      rig.clear(request(1, "HTTP", "A.EXAMPLE:80") + request(3, "http", "a.example:", "/./%61"));
  for (const SeenHead& head : heads_of(again.received()))
    CHECK(head.field("cache-status").find("; hit") != std::string::npos);
  REQUIRE(rig.cluster.origin().requests().size() == 1);
  // Over TLS it is another resource.
  rig.secure("a.example", request(1, "HTTPS", "A.Example:443"));
  REQUIRE(rig.cluster.origin().requests().size() == 2);
  CHECK(rig.cluster.origin().last().header("host") == "a.example");
  CHECK(rig.cluster.origin().last().header("x-forwarded-proto") == "https");
  const TestConnection& secure = rig.secure("a.example", request(1, "https", "a.example"));
  CHECK(heads_of(secure.received()).back().field("cache-status").find("; hit") != std::string::npos);
}

TEST_CASE("the absolute form of HTTP/1.1 is held to its connection in the same way", "[node][tls]") {
  Rig rig;
  const auto ask = [&](const std::string& target) {
    TestConnection& client = rig.cluster.connect("eu-1");
    client.request("GET", target, "a.example");
    rig.cluster.run();
    return client.answer(0).status;
  };
  CHECK(ask("http://a.example/a") == 200);
  CHECK(ask("HTTP://a.example/a") == 200);
  CHECK(ask("https://a.example/a") == 421);
}

}  // namespace
}  // namespace perigee::test
