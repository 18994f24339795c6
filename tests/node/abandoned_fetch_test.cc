// What an origin sees of requests whose clients have left: it is told, and need not work for nobody.
#include <catch2/catch_test_macros.hpp>

#include "edge/base/json.h"
#include "tests/node/support/cluster.h"
#include "tests/node/support/h2_heads.h"
#include "tests/node/support/perigee_origin.h"

namespace perigee::test {
namespace {

using namespace std::chrono_literals;

// A node before an origin that takes two seconds for an answer that nobody keeps.
class Rig {
 public:
  Rig()
      : cluster(Setup()
                    .origin("servers = [\"10.9.0.2:80\"]\n")
                    .tables("http2_clear = true\n[limits]\nhttp2_streams = 8\n")),
        origin_(cluster.world(), "content", *net::Address::parse("10.9.0.2:80")) {}

  static std::string path(uint32_t n) { return "/_/body?latency=2s&cc=no-store&id=" + std::to_string(n); }
  uint64_t count(const char* name) { return parse_json(origin_.recorder().stats())[name].get<uint64_t>(); }
  // How the one request ended there.
  std::string end() { return parse_json(origin_.recorder().log(0))["end"]; }

  Cluster cluster;

 private:
  PerigeeOrigin origin_;
};

TEST_CASE("an origin hears at once that nobody waits for its answer any more", "[node][upstream][h2]") {
  Rig rig;
  TestConnection& client = rig.cluster.connect("eu-1");
  client.send(h2_hello() + get_frame(1, Rig::path(1)));
  rig.cluster.run();
  REQUIRE(rig.count("concurrent") == 1);
  client.send(frame(FrameType::rst_stream, 0, 1, be(8, 4)));
  rig.cluster.run();
  CHECK(rig.count("concurrent") == 0);
  CHECK(rig.end() == "client_gone");
}

TEST_CASE("the content of an unsafe request still arrives when its client has left", "[node][upstream]") {
  Rig rig;
  TestConnection& client = rig.cluster.connect("eu-1");
  client.send("POST " + Rig::path(1) + " HTTP/1.1\r\nhost: a.example\r\ncontent-length: 5\r\n\r\nhello");
  rig.cluster.run();
  client.close();
  rig.cluster.run();
  CHECK(rig.count("concurrent") == 1);
  rig.cluster.advance(3s);
  CHECK(rig.count("concurrent") == 0);
  CHECK(rig.end() == "complete");
}

TEST_CASE("requests that are taken back leave no more with the origin than there may be streams",
          "[node][upstream][h2]") {
  const std::string cancel = be(8, 4);
  const std::string beyond = be(0x7fffffff, 4);
  for (const auto& [type, payload] :
       {std::pair(FrameType::rst_stream, cancel), std::pair(FrameType::window_update, beyond)}) {
    Rig rig;
    TestConnection& client = rig.cluster.connect("eu-1");
    client.send(h2_hello());
    for (uint32_t n = 0; n < 200 && !client.ended(); ++n) {
      client.send(get_frame(2 * n + 1, Rig::path(n)));
      rig.cluster.run();
      client.send(frame(type, 0, 2 * n + 1, payload));
      // Every few are taken back together.
      if (n % 5 == 4) rig.cluster.run();
    }
    CHECK(client.ended());
    CHECK(rig.count("requests") >= 20);
    CHECK(rig.count("concurrent_max") <= 8);
    rig.cluster.run();
    CHECK(rig.count("concurrent") == 0);
  }
}

}  // namespace
}  // namespace perigee::test
