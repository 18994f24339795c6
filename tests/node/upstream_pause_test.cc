// Connections to an origin whose reading was stopped for a slow client.
#include <catch2/catch_test_macros.hpp>

#include "tests/node/support/cluster.h"
#include "tests/node/support/raw_origin.h"

namespace perigee::test {
namespace {

TEST_CASE("what an origin says behind an answer that a slow client stopped is nobody's answer",
          "[node][upstream][lies]") {
  const std::string hello = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";
  const std::string stray = "HTTP/1.1 200 OK\r\nCache-Control: max-age=600\r\nContent-Length: 5\r\n\r\nstray";
  uint64_t reused = 0;
  // In some of these reading stops with the very bytes that end the answer.
  for (size_t content = 200'000; content < 700'000; content += 10'000) {
    INFO(content << " bytes");
    Cluster cluster(Setup()
                        .origin("servers = [\"10.9.0.9:80\"]\n")
                        .tables("[cache]\nwindow = \"64KiB\"\nprivate_window = \"16KiB\"\n"));
    RawOrigin origin(cluster.world(), "raw", net::Address::parse("10.9.0.9:80").value());
    const std::string head =
        "HTTP/1.1 200 OK\r\nCache-Control: no-store\r\nContent-Length: " + std::to_string(content) +
        "\r\n\r\n";
    origin.answers({{head + std::string(content, 'x')}, {hello}});
    TestConnection& slow = cluster.connect("eu-1");
    slow.pause();
    slow.request("GET", "/large", "a.example");
    cluster.run();
    origin.say(0, stray);
    cluster.run();
    for (int i = 0; i < 3; ++i) cluster.get("eu-1", "/small").expect(200).body("hello");
    slow.resume();
    cluster.run();
    reused += cluster.metric(Metric::upstream_reuses);
  }
  // Others are used again.
  CHECK(reused > 0);
}

}  // namespace
}  // namespace perigee::test
