// Interim responses over HTTP/2 (RFC 9113 8.1, RFC 8297), on whole nodes, by raw frames.
#include <catch2/catch_test_macros.hpp>

#include "tests/node/support/cluster.h"
#include "tests/node/support/h2_heads.h"

namespace perigee::test {
namespace {

using namespace std::chrono_literals;

TestConnection& connect(Cluster& cluster, const std::string& frames) {
  TestConnection& client = cluster.connect("eu-1");
  client.send(h2_hello() + frames);
  cluster.run();
  return client;
}

std::vector<std::string> statuses(const TestConnection& client, uint32_t stream) {
  std::vector<std::string> seen;
  for (const SeenHead& head : heads_of(client.received())) {
    if (head.stream == stream) seen.push_back(head.status());
  }
  return seen;
}

using Statuses = std::vector<std::string>;

TEST_CASE("early hints of an origin reach a stream before its answer, and end nothing",
          "[node][h2][interim]") {
  Cluster cluster(Setup().tables("http2_clear = true\n"));
  cluster.origin()
      .on("/a")
      .reply(200)
      .interim(103, "link", "</a.css>; rel=preload")
      .delay(2s)
      .max_age(60)
      .body("x");
  TestConnection& client = connect(cluster, get_frame(1, "/a"));
  // There while the origin still thinks about the answer.
  REQUIRE(statuses(client, 1) == Statuses{"103"});
  const SeenHead hint = heads_of(client.received()).front();
  CHECK(!hint.ends_stream);
  CHECK(hint.field("link") == "</a.css>; rel=preload");
  CHECK(hint.field("content-length").empty());
  CHECK(hint.field("cache-status").empty());
  cluster.advance(3s);
  REQUIRE(statuses(client, 1) == Statuses{"103", "200"});
  const SeenHead answer = heads_of(client.received()).back();
  CHECK(!answer.ends_stream);
  CHECK(answer.field("link").empty());
  const SeenFrame last = frames_of(client.received()).back();
  CHECK(last.type == FrameType::data);
  CHECK(last.payload == "x");
  CHECK((last.flags & end_stream) != 0);
  // Nothing of it is stored.
  const TestConnection& again = connect(cluster, get_frame(1, "/a"));
  REQUIRE(statuses(again, 1) == Statuses{"200"});
  const SeenHead hit = heads_of(again.received()).back();
  CHECK(hit.field("cache-status").find("; hit") != std::string::npos);
  CHECK(hit.field("link").empty());
}

TEST_CASE("a final answer without content behind early hints ends the stream itself", "[node][h2][interim]") {
  Cluster cluster(Setup().tables("http2_clear = true\n"));
  cluster.origin().on("/none").reply(204).interim(103, "link", "</a.css>");
  cluster.origin().on("/a").reply(200).interim(103, "link", "</a.css>").body("x");
  FieldLines head = get_lines("/a");
  head.front().second = "HEAD";
  const TestConnection& client = connect(
      cluster, get_frame(1, "/none") + frame(FrameType::headers, end_stream | end_headers, 3, block(head)));
  for (const uint32_t stream : {1u, 3u}) {
    INFO(stream);
    std::vector<SeenHead> seen;
    for (SeenHead& each : heads_of(client.received())) {
      if (each.stream == stream) seen.push_back(std::move(each));
    }
    REQUIRE(seen.size() == 2);
    CHECK(seen[0].status() == "103");
    CHECK(!seen[0].ends_stream);
    CHECK(seen[1].ends_stream);
  }
}

// Whether what follows may be shared is said by the final head alone; so hints are for who asked.
TEST_CASE("early hints go to the request that was sent, not to those that wait for its answer",
          "[node][h2][interim][collapse]") {
  Cluster cluster(Setup().tables("http2_clear = true\n"));
  cluster.origin().on("/a").reply(200).interim(103, "link", "</a.css>").delay(2s).max_age(60).body("x");
  TestConnection& leader = connect(cluster, get_frame(1, "/a") + get_frame(3, "/a"));
  TestConnection& follower = connect(cluster, get_frame(1, "/a"));
  cluster.advance(3s);
  CHECK(statuses(leader, 1) == Statuses{"103", "200"});
  CHECK(statuses(leader, 3) == Statuses{"200"});
  CHECK(statuses(follower, 1) == Statuses{"200"});
  CHECK(cluster.origin().count("GET", "/a") == 1);
}

TEST_CASE("a stream that was reset gets no early hints, and its neighbours theirs", "[node][h2][interim]") {
  Cluster cluster(Setup().tables("http2_clear = true\n"));
  for (const std::string path : {"/a", "/b"})
    cluster.origin().on(path).reply(200).interim(103, "link", "</a.css>").delay(1s).body("x");
  const std::string cancel(std::string("\0\0\0\x08", 4));
  const TestConnection& client =
      connect(cluster, get_frame(1, "/a") + frame(FrameType::rst_stream, 0, 1, cancel) + get_frame(3, "/b"));
  cluster.advance(2s);
  CHECK(statuses(client, 1).empty());
  CHECK(statuses(client, 3) == Statuses{"103", "200"});
}

}  // namespace
}  // namespace perigee::test
