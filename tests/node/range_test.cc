// Ranges and what is stored in part (RFC 9110 section 14, RFC 9111 3.3 and 3.4), on a whole node in front of
// bodies that prove themselves.
#include <fmt/format.h>

#include <algorithm>
#include <catch2/catch_test_macros.hpp>
#include <set>
#include <sstream>

#include "edge/base/json.h"
#include "edge/base/random.h"
#include "edge/http/range.h"
#include "origin/self_verifying.h"
#include "tests/node/support/cluster.h"
#include "tests/node/support/perigee_origin.h"
#include "tests/node/support/raw_origin.h"

namespace perigee::test {
namespace {

using namespace std::chrono_literals;
using http::ByteRange;

const net::Address origin_address = net::Address::parse("10.9.0.8:80").value();
constexpr uint64_t block = 64 * 1024;

Setup range_setup() { return Setup().origin("servers = [\"10.9.0.8:80\"]\n"); }

// One self-verifying body behind a node.
struct Rig {
  explicit Rig(std::string parameters, const Setup& setup = range_setup())
      : cluster(setup), origin(cluster.world(), "big", origin_address) {
    target = "/_/body?id=thing&cc=max-age%3D3600&" + parameters;
  }

  Reply ask(std::string_view range, Headers headers = {}) {
    headers.emplace_back("range", std::string(range));
    return cluster.get("eu-1", target, headers);
  }
  void change() { origin.recorder().set_override("thing", "version=" + std::to_string(++version)); }

  // What the origin was asked for since the last call: Range values, "" for the whole.
  std::vector<std::string> asked() {
    std::vector<std::string> ranges;
    std::istringstream lines(origin.recorder().log(seen_));
    for (std::string line; std::getline(lines, line);) {
      const auto entry = parse_json(line);
      seen_ = entry.at("number").get<uint64_t>();
      std::string range;
      for (const auto& [name, value] : entry.at("fields").items()) {
        if (name == "range")
          range = value.is_array() ? value.at(0).get<std::string>() : value.get<std::string>();
      }
      ranges.push_back(range);
    }
    return ranges;
  }

  void check_bytes(std::string_view bytes, uint64_t offset, uint64_t of_version = 1) const {
    const uint64_t seed = origin::body_seed("thing", of_version);
    REQUIRE(origin::verify_body(seed, offset, bytes) == bytes.size());
  }

  Cluster cluster;
  PerigeeOrigin origin;
  std::string target;
  uint64_t version = 1;

 private:
  uint64_t seen_ = 0;
};

ByteRange range_of(const Reply& reply) {
  const auto parsed = http::parse_content_range(reply.answer().header("content-range"));
  REQUIRE(parsed);
  REQUIRE(parsed->range);
  return *parsed->range;
}

// Takes a multipart/byteranges body apart and checks each part's bytes.
std::vector<ByteRange> check_parts(const Rig& rig, const Reply& reply) {
  const std::string type = reply.answer().header("content-type");
  const std::string start = "multipart/byteranges; boundary=";
  REQUIRE(type.starts_with(start));
  const std::string mark = "\r\n--" + type.substr(start.size());
  std::string_view body = reply.answer().body;
  std::vector<ByteRange> ranges;
  while (!body.starts_with(mark + "--\r\n")) {
    REQUIRE(body.starts_with(mark + "\r\n"));
    const size_t at = body.find("content-range: ") + 15;
    const auto parsed = http::parse_content_range(body.substr(at, body.find("\r\n", at) - at));
    REQUIRE(parsed);
    ranges.push_back(*parsed->range);
    body.remove_prefix(body.find("\r\n\r\n") + 4);
    REQUIRE(body.size() >= parsed->range->length());
    rig.check_bytes(body.substr(0, parsed->range->length()), parsed->range->first);
    body.remove_prefix(parsed->range->length());
  }
  REQUIRE(body == mark + "--\r\n");
  return ranges;
}

TEST_CASE("a range costs the origin the blocks around it, and the next asker nothing", "[node][range]") {
  Rig rig("size=1000000");
  const Reply first = rig.ask("bytes=100000-100099");
  first.expect(206).field("content-range", "bytes 100000-100099/1000000").forwarded("uri-miss");
  rig.check_bytes(first.answer().body, 100000);
  REQUIRE(rig.asked() == std::vector<std::string>{"bytes=65536-131071"});
  rig.cluster.run();
  const Reply second = rig.ask("bytes=70000-130000");
  second.expect(206).hit();
  rig.check_bytes(second.answer().body, 70000);
  REQUIRE(rig.asked().empty());
}

TEST_CASE("100 bytes of 10 GB cost two blocks at most", "[node][range]") {
  Rig rig("size=10000000000");
  const Reply reply = rig.ask("bytes=5000003950-5000004049");
  reply.expect(206);
  rig.check_bytes(reply.answer().body, 5000003950);
  const auto asked = rig.asked();
  REQUIRE(asked.size() == 1);
  const auto specs = http::parse_range(asked[0]);
  REQUIRE(*specs->at(0).last - *specs->at(0).first + 1 <= 2 * block);
  REQUIRE(rig.cluster.metric(Metric::upstream_bytes_origin) <= 2 * block);
}

TEST_CASE("a download that a client goes on with costs no more than its length and two blocks",
          "[node][range]") {
  Rig rig("size=5000000&etag=one");
  const Reply reply = rig.ask("bytes=3000000-", {{"if-range", "\"one\""}});
  reply.expect(206);
  rig.check_bytes(reply.answer().body, 3'000'000);
  REQUIRE(rig.cluster.metric(Metric::upstream_bytes_origin) <= 2'000'000 + 2 * block);
}

TEST_CASE("missing runs are completed, and nothing is fetched twice", "[node][range]") {
  Rig rig("size=1000000");
  rig.ask("bytes=0-9").expect(206);
  rig.ask("bytes=300000-300009").expect(206);
  rig.asked();
  const Reply whole = rig.cluster.get("eu-1", rig.target);
  whole.expect(200).forwarded("partial");
  REQUIRE(whole.answer().body.size() == 1000000);
  rig.check_bytes(whole.answer().body, 0);
  REQUIRE(rig.asked() == std::vector<std::string>{"bytes=65536-262143", "bytes=327680-"});
  REQUIRE(rig.cluster.metric(Metric::upstream_bytes_origin) == 1000000);
  rig.cluster.get("eu-1", rig.target).expect(200).hit();
  rig.ask("bytes=-1").expect(206).hit();
  REQUIRE(rig.asked().empty());
}

TEST_CASE("random ranges over random sparse states are byte-exact", "[node][range]") {
  for (const uint64_t seed : {1, 2, 3, 4, 5, 6}) {
    INFO("seed " << seed);
    Random random(seed);
    const uint64_t size = 400'000 + random.below(1'200'000);
    Rig rig("size=" + std::to_string(size));
    for (int i = 0; i < 40; ++i) {
      std::string ranges = "bytes=";
      const uint64_t count = random.chance(0.3) ? 2 + random.below(4) : 1;
      for (uint64_t n = 0; n < count; ++n) {
        const uint64_t first = random.below(size);
        const uint64_t last = first + random.below(random.chance(0.5) ? 200 : 150'000);
        ranges += (n > 0 ? "," : "") + (random.chance(0.1)    ? fmt::format("-{}", 1 + random.below(9000))
                                        : random.chance(0.05) ? fmt::format("{}-", first)
                                                              : fmt::format("{}-{}", first, last));
      }
      INFO(ranges);
      const uint64_t before = rig.cluster.metric(Metric::upstream_bytes_origin);
      const Reply reply = rig.ask(ranges);
      reply.expect(206);
      uint64_t answered = 0;
      if (reply.answer().header("content-range").empty()) {
        for (const ByteRange& part : check_parts(rig, reply)) answered += part.length();
      } else {
        const ByteRange range = range_of(reply);
        REQUIRE(reply.answer().body.size() == range.length());
        rig.check_bytes(reply.answer().body, range.first);
        answered = range.length();
      }
      REQUIRE(rig.cluster.metric(Metric::upstream_bytes_origin) - before <= answered + 2 * block * count);
    }
    // Nothing was fetched twice, whatever came when.
    REQUIRE(rig.cluster.metric(Metric::upstream_bytes_origin) <= size);
    const Reply whole = rig.cluster.get("eu-1", rig.target);
    whole.expect(200);
    rig.check_bytes(whole.answer().body, 0);
    REQUIRE(rig.cluster.metric(Metric::upstream_bytes_origin) == size);
  }
}

TEST_CASE("a validator that changes replaces the whole and never mixes", "[node][range][change]") {
  Rig rig("size=1000000");
  rig.ask("bytes=0-9").expect(206);
  rig.change();
  const Reply second = rig.ask("bytes=500000-500009");
  second.expect(206);
  rig.check_bytes(second.answer().body, 500000, 2);
  rig.cluster.run();
  const Reply third = rig.ask("bytes=0-99");
  third.expect(206);
  rig.check_bytes(third.answer().body, 0, 2);
  const Reply whole = rig.cluster.get("eu-1", rig.target);
  whole.expect(200);
  rig.check_bytes(whole.answer().body, 0, 2);
}

TEST_CASE("an answer under way whose representation changes is cut", "[node][range][change]") {
  Rig rig("size=1000000");
  rig.ask("bytes=0-9").expect(206);
  rig.ask("bytes=500000-500009").expect(206);
  // The first gap comes as it was, the second of another version.
  TestConnection& client = rig.cluster.ask("eu-1", rig.target);
  rig.cluster.run_until([&] { return client.partial().body.size() > 400'000; });
  rig.change();
  rig.cluster.run();
  rig.cluster.advance(std::chrono::seconds(40));
  const std::string& got = client.answers() > 0 ? client.answer(0).body : client.partial().body;
  rig.check_bytes(got, 0);
  if (got.size() < 1000000) REQUIRE(client.ended());
}

TEST_CASE("an origin that knows no ranges is read once, and ranges come from the store", "[node][range]") {
  Rig rig("size=300000&ranges=0");
  const Reply reply = rig.ask("bytes=200000-200009");
  reply.expect(206).field("content-range", "bytes 200000-200009/300000");
  rig.check_bytes(reply.answer().body, 200000);
  rig.cluster.run();
  rig.ask("bytes=5-6").expect(206).hit();
  rig.cluster.get("eu-1", rig.target).expect(200).hit();
  REQUIRE(rig.asked().size() == 1);
}

TEST_CASE("an origin without ranges whose body is too large to keep is closed when the range is served",
          "[node][range]") {
  Rig rig("size=10000000000&ranges=0", range_setup().tables("[cache]\nbudget = \"8MiB\"\n"));
  const Reply reply = rig.ask("bytes=3000000-3000009");
  reply.expect(206);
  rig.check_bytes(reply.answer().body, 3000000);
  rig.cluster.run();
  REQUIRE(rig.cluster.metric(Metric::upstream_bytes_origin) < 20'000'000);
}

TEST_CASE("a hundred clients that ask for one cold range are one request", "[node][range][collapse]") {
  Rig rig("size=1000000&latency=200ms");
  std::vector<TestConnection*> clients;
  for (int i = 0; i < 100; ++i) {
    clients.push_back(&rig.cluster.ask("eu-1", rig.target, {{"range", "bytes=5000-5999"}}));
  }
  rig.cluster.run_until([&] { return clients.back()->answers() == 1; });
  rig.cluster.run();
  for (TestConnection* client : clients) {
    REQUIRE(client->answers() == 1);
    REQUIRE(client->answer(0).status == 206);
    rig.check_bytes(client->answer(0).body, 5000);
  }
  REQUIRE(rig.asked().size() == 1);
}

TEST_CASE("no block is fetched twice at once, and disjoint runs do not wait", "[node][range][collapse]") {
  Rig rig("size=4000000&rate=1000000");
  rig.ask("bytes=0-0").expect(206);
  rig.asked();
  std::vector<TestConnection*> clients;
  const std::vector<ByteRange> ranges = {
      {1000000, 1499999}, {1200000, 1299999}, {1400000, 1999999}, {3000000, 3000099}, {1000000, 1999999}};
  for (const ByteRange& range : ranges) {
    clients.push_back(&rig.cluster.ask("eu-1", rig.target,
                                       {{"range", fmt::format("bytes={}-{}", range.first, range.last)}}));
  }
  // The far one is there long before the others.
  rig.cluster.run_until([&] { return clients[3]->answers() == 1; });
  REQUIRE(clients[0]->answers() == 0);
  rig.cluster.run_until([&] {
    return std::all_of(clients.begin(), clients.end(),
                       [](TestConnection* each) { return each->answers() == 1; });
  });
  for (size_t i = 0; i < ranges.size(); ++i) {
    REQUIRE(clients[i]->answer(0).status == 206);
    REQUIRE(clients[i]->answer(0).body.size() == ranges[i].length());
    rig.check_bytes(clients[i]->answer(0).body, ranges[i].first);
  }
  REQUIRE(rig.cluster.metric(Metric::upstream_bytes_origin) <= block + 1000000 + 4 * block);
}

TEST_CASE("what a client who left had fetched of a run is kept", "[node][range]") {
  Rig rig("size=50000000&rate=1000000");
  rig.ask("bytes=0-0").expect(206);
  rig.asked();
  TestConnection& client = rig.cluster.ask("eu-1", rig.target, {{"range", "bytes=1000000-20000000"}});
  rig.cluster.run_until([&] { return client.partial().body.size() > 600'000; });
  client.close();
  rig.cluster.advance(std::chrono::seconds(1));
  rig.asked();
  rig.ask("bytes=1000000-1500000").expect(206).hit();
  REQUIRE(rig.asked().empty());
}

TEST_CASE("If-Range, 416, and too many ranges", "[node][range]") {
  Rig rig("size=5000000&etag=one");
  rig.ask("bytes=0-9", {{"if-range", "\"two\""}}).expect(200);
  rig.ask("bytes=0-9", {{"if-range", "\"one\""}}).expect(206).hit();
  rig.ask("bytes=5000000-").expect(416).field("content-range", "bytes */5000000");
  std::string many = "bytes=0-0";
  for (int i = 1; i < 20; ++i) many += fmt::format(",{0}-{0}", i * 200'000);
  rig.ask(many).expect(200);
  rig.ask("bytes=0-0,200000-200000").expect(206);
  Rig cold("size=5000000&etag=one");
  cold.ask("bytes=0-9").expect(206);
  cold.ask(many).expect(416);
  cold.ask("bytes=9000000-").expect(416);
}

TEST_CASE("the last bytes of an empty response are all of it (RFC 9110 14.1.1)", "[node][range]") {
  Cluster cluster;
  cluster.origin().on("/a").reply(200).max_age(60);
  cluster.get("eu-1", "/a").expect(200).miss();
  cluster.get("eu-1", "/a", {{"range", "bytes=-5"}}).expect(200).hit().field("content-length", "0");
  cluster.get("eu-1", "/a", {{"range", "bytes=3-, -5"}}).expect(200).hit();
  for (const std::string range : {"bytes=0-", "bytes=-0"}) {
    cluster.get("eu-1", "/a", {{"range", range}}).expect(416).hit().field("content-range", "bytes */0");
  }
}

TEST_CASE("what was stored in part is validated with a range, not fetched whole", "[node][range]") {
  Rig rig("size=10000000000");
  rig.ask("bytes=0-9").expect(206);
  rig.cluster.advance(std::chrono::hours(2));
  rig.ask("bytes=0-9").expect(206).forwarded("stale");
  REQUIRE(rig.cluster.metric(Metric::requests_revalidated) == 1);
  rig.change();
  rig.cluster.advance(std::chrono::hours(2));
  const Reply changed = rig.ask("bytes=0-9");
  changed.expect(206);
  rig.check_bytes(changed.answer().body, 0, 2);
  REQUIRE(rig.cluster.metric(Metric::upstream_bytes_origin) <= 3 * block);
}

TEST_CASE("a 206 without validator is reused by itself and never combined", "[node][range]") {
  Rig rig("size=300000&etag=none");
  rig.ask("bytes=0-9").expect(206);
  rig.cluster.run();
  rig.ask("bytes=5-20").expect(206).hit();
  const Reply far = rig.ask("bytes=200000-200009");
  far.expect(206);
  rig.check_bytes(far.answer().body, 200000);
  const Reply whole = rig.cluster.get("eu-1", rig.target);
  whole.expect(200);
  rig.check_bytes(whole.answer().body, 0);
}

TEST_CASE(
    "what is stored in part without a validator is asked for its rest and as a whole, by one each for "
    "everybody",
    "[node][range][collapse]") {
  Rig rig("size=300000&etag=none&latency=200ms");
  rig.ask("bytes=0-9").expect(206);
  rig.asked();
  std::vector<TestConnection*> clients;
  for (int i = 0; i < 20; ++i) clients.push_back(&rig.cluster.ask("eu-1", rig.target));
  rig.cluster.run_until([&] {
    return std::all_of(clients.begin(), clients.end(), [](auto* client) { return client->answers() == 1; });
  });
  for (TestConnection* client : clients) {
    REQUIRE(client->answer(0).status == 200);
    REQUIRE(client->answer(0).body.size() == 300000);
    rig.check_bytes(client->answer(0).body, 0);
  }
  // At the same time, so they may overtake each other.
  std::vector<std::string> asked = rig.asked();
  std::sort(asked.begin(), asked.end());
  REQUIRE(asked == std::vector<std::string>{"", "bytes=65536-"});
  rig.cluster.advance(1s);
  rig.cluster.get("eu-1", rig.target).expect(200).hit();
}

TEST_CASE("who needs more than the part that is stored without validator shares one fetch",
          "[node][range][collapse]") {
  const std::string all(200'000, 'x');
  for (const std::string_view range : {"", "bytes=60000-70000"}) {
    INFO(range);
    Cluster cluster;
    cluster.origin().on("/a").reply(200).max_age(60).closed_ranges().body(all);
    cluster.get("eu-1", "/a", {{"range", "bytes=0-1"}}).expect(206);
    cluster.run();
    cluster.origin().on("/a").reply(200).max_age(60).closed_ranges().delay(1s).body(all);
    Headers headers;
    if (!range.empty()) headers.emplace_back("range", range);
    std::vector<TestConnection*> clients;
    for (int i = 0; i < 20; ++i) clients.push_back(&cluster.ask("eu-1", "/a", headers));
    cluster.advance(10s);
    for (const TestConnection* client : clients) {
      REQUIRE(client->answers() == 1);
      REQUIRE(client->answer(0).body.size() == (range.empty() ? all.size() : 10'001));
    }
    // The part, the rest; and, if that alone is not what is wanted, all of it.
    CHECK(cluster.origin().count("GET", "/a") == (range.empty() ? 3 : 2));
  }
}

TEST_CASE("ranges travel through the owner", "[node][range][peer]") {
  Rig rig("size=1000000", range_setup().nodes({"eu-1", "eu-2"}));
  for (const char* node : {"eu-1", "eu-2"}) {
    const Reply reply = rig.cluster.get(node, rig.target, {{"range", "bytes=100000-100099"}});
    reply.expect(206).field("content-range", "bytes 100000-100099/1000000");
    rig.check_bytes(reply.answer().body, 100000);
  }
  REQUIRE(rig.asked().size() == 1);
  for (const char* node : {"eu-1", "eu-2"}) {
    const Reply whole = rig.cluster.get(node, rig.target);
    whole.expect(200);
    rig.check_bytes(whole.answer().body, 0);
  }
  REQUIRE(rig.cluster.metric(Metric::upstream_bytes_origin) == 1000000);
}

TEST_CASE("a 206 that contradicts itself is not stored and not patched", "[node][range][lies]") {
  struct Case {
    std::string name;
    std::string head;
    std::string body;
  };
  const std::string start = "HTTP/1.1 206 Partial Content\r\nCache-Control: max-age=60\r\nETag: \"a\"\r\n";
  const std::vector<Case> cases = {
      {"shorter than it says", start + "Content-Range: bytes 0-9/100\r\nContent-Length: 5\r\n\r\n", "01234"},
      {"longer than it says", start + "Content-Range: bytes 0-4/100\r\nContent-Length: 9\r\n\r\n",
       "012345678"},
      {"no Content-Range", start + "Content-Length: 5\r\n\r\n", "01234"},
      {"two of them",
       start + "Content-Range: bytes 0-4/9\r\nContent-Range: bytes 4-8/9\r\nContent-Length: 5\r\n\r\n",
       "01234"},
      {"beyond its end", start + "Content-Range: bytes 0-4/4\r\nContent-Length: 5\r\n\r\n", "01234"},
  };
  for (const Case& each : cases) {
    INFO(each.name);
    Cluster cluster(range_setup());
    RawOrigin origin(cluster.world(), "raw", origin_address);
    origin.answers({{each.head + each.body}});
    cluster.get("eu-1", "/a", {{"range", "bytes=0-4"}});
    const size_t asked = origin.requests();
    cluster.get("eu-1", "/a", {{"range", "bytes=0-4"}});
    REQUIRE(origin.requests() > asked);
  }
}

TEST_CASE("an origin that answers every range with another one gets the client's own request",
          "[node][range][lies]") {
  Cluster cluster(range_setup());
  RawOrigin origin(cluster.world(), "raw", origin_address);
  const std::string start = "Cache-Control: max-age=60\r\nETag: \"a\"\r\n";
  const RawOrigin::Line part{"HTTP/1.1 206 Partial Content\r\n" + start +
                             "Content-Range: bytes 0-0/5\r\nContent-Length: 1\r\n\r\nh"};
  const RawOrigin::Line whole{"HTTP/1.1 200 OK\r\n" + start + "Content-Length: 5\r\n\r\nhello"};
  origin.answers({part, part, whole});
  cluster.get("eu-1", "/a", {{"range", "bytes=0-0"}}).expect(206).body("h");
  cluster.get("eu-1", "/a").expect(200).body("hello");
}

TEST_CASE("of several ranges one that exists is enough", "[node][range]") {
  Rig rig("size=5000000");
  rig.ask("bytes=9000000-,100-109").expect(206).field("content-range", "bytes 100-109/5000000");
}

TEST_CASE("who waits for a run that others asked for is told nothing before its own bytes are on their way",
          "[node][range][change]") {
  Rig rig("size=1000000&latency=200ms");
  TestConnection& first = rig.cluster.ask("eu-1", rig.target, {{"range", "bytes=0-9"}});
  rig.cluster.advance(std::chrono::milliseconds(5));
  TestConnection& far = rig.cluster.ask("eu-1", rig.target, {{"range", "bytes=500000-500009"}});
  rig.cluster.advance(std::chrono::milliseconds(100));
  rig.change();
  rig.cluster.advance(std::chrono::seconds(1));
  REQUIRE(first.answers() == 1);
  rig.check_bytes(first.answer(0).body, 0);
  // What is there now, and not the head of what was before and then nothing.
  REQUIRE(far.answers() == 1);
  Reply(far.answer(0)).expect(206).field("content-range", "bytes 500000-500009/1000000");
  rig.check_bytes(far.answer(0).body, 500000, 2);
}

TEST_CASE(
    "a follower of a run that begins elsewhere gets its own run, and whoever has it already is not asked",
    "[node][range][collapse]") {
  Rig rig("size=1000000&latency=200ms");
  rig.cluster.ask("eu-1", rig.target, {{"range", "bytes=0-9"}});
  rig.cluster.advance(std::chrono::milliseconds(5));
  TestConnection& far = rig.cluster.ask("eu-1", rig.target, {{"range", "bytes=500000-500009"}});
  TestConnection& several = rig.cluster.ask("eu-1", rig.target, {{"range", "bytes=500000-500009,0-9"}});
  rig.cluster.advance(std::chrono::seconds(1));
  REQUIRE(far.answers() == 1);
  REQUIRE(several.answers() == 1);
  rig.check_bytes(Reply(far.answer(0)).expect(206).answer().body, 500000);
  REQUIRE(check_parts(rig, Reply(several.answer(0)).expect(206)) ==
          std::vector<ByteRange>{{500000, 500009}, {0, 9}});
  REQUIRE(rig.asked() == std::vector<std::string>{"bytes=0-65535", "bytes=458752-524287"});
}

}  // namespace
}  // namespace perigee::test
