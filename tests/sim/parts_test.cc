// The simulator's own judges: what they pass, and what they do not.
#include <fmt/format.h>

#include <catch2/catch_test_macros.hpp>

#include "origin/self_verifying.h"
#include "tests/sim/support/body_proof.h"
#include "tests/sim/support/cache_status.h"
#include "tests/sim/support/catalogue.h"
#include "tests/sim/support/invariants.h"
#include "tests/sim/support/load_report.h"
#include "tests/sim/support/truth.h"

namespace perigee::sim {
namespace {

using namespace std::chrono_literals;

constexpr uint64_t length = 5000;

std::string right_bytes(uint64_t first, uint64_t size, uint64_t version = 3) {
  std::string bytes(size, '\0');
  origin::fill_body(origin::body_seed("r1#0", version), first, bytes);
  return bytes;
}

Outcome head_of(int status, std::vector<std::pair<std::string, std::string>> more = {}) {
  Outcome head;
  head.ask.resource = 1;
  head.status = status;
  head.fields = {{"x-body-id", "r1#0"}, {"x-version", "3"}, {"x-body-length", std::to_string(length)}};
  head.fields.insert(head.fields.end(), more.begin(), more.end());
  return head;
}

std::string fault_of(const Outcome& head, const std::string& content, const std::string& asked = "r1#0") {
  BodyProof proof;
  proof.begin(head, asked);
  for (size_t at = 0; at < content.size(); at += 700) proof.feed(std::string_view(content).substr(at, 700));
  proof.end();
  return proof.fault();
}

TEST_CASE("a body proof passes what is right, and nothing else", "[sim][proof]") {
  const std::string whole = right_bytes(0, length);
  std::string wrong = whole;
  wrong[4321] = static_cast<char>(wrong[4321] ^ 1);
  REQUIRE(fault_of(head_of(200), whole) == "");
  REQUIRE(fault_of(head_of(200), wrong) == "a wrong byte at 4321");
  REQUIRE(fault_of(head_of(200), right_bytes(0, length, 4)) == "a wrong byte at 0");
  REQUIRE(fault_of(head_of(200), whole.substr(0, 4000) + right_bytes(4000, 1000, 4)) ==
          "a wrong byte at 4000");
  REQUIRE(fault_of(head_of(200), whole.substr(0, 4999)) == "complete by its framing at 4999 of 5000");
  REQUIRE(fault_of(head_of(200), whole + "x") == "more content than announced, beyond 5000");
  REQUIRE(fault_of(head_of(200), whole, "r1#1") == "the answer is about r1#0, not r1#1");
  REQUIRE(fault_of(head_of(304), "x") == "content where none may be");
}

TEST_CASE("a body proof reads ranges, and several in one answer", "[sim][proof]") {
  const Outcome one = head_of(206, {{"content-range", "bytes 100-199/5000"}});
  REQUIRE(fault_of(one, right_bytes(100, 100)) == "");
  REQUIRE(fault_of(one, right_bytes(101, 100)) == "a wrong byte at 100");
  REQUIRE(fault_of(head_of(206, {{"content-range", "bytes 100-199/4000"}}), "") ==
          "Content-Range names another length");
  const Outcome several = head_of(206, {{"content-type", "multipart/byteranges; boundary=b"}});
  const auto part = [](uint64_t first, uint64_t size) {
    return fmt::format("--b\r\nContent-Range: bytes {}-{}/5000\r\n\r\n", first, first + size - 1) +
           right_bytes(first, size) + "\r\n";
  };
  REQUIRE(fault_of(several, part(0, 1500) + part(3000, 10) + "--b--\r\n") == "");
  REQUIRE(fault_of(several, part(0, 1500) + part(3000, 10)) ==
          "a multipart that ends before its last delimiter");
  REQUIRE(fault_of(several, part(0, 10) + "--b\r\n\r\nx") == "a part without Content-Range");
}

TEST_CASE("cache-status is taken apart, or refused", "[sim][cache-status]") {
  const auto read =
      parse_cache_status("eu-2;hit;ttl=-3, eu-1; fwd=stale; fwd-status=304; detail=stale-if-error");
  REQUIRE(read);
  REQUIRE(read->size() == 2);
  REQUIRE(read->front().hit);
  REQUIRE(read->front().ttl == -3);
  REQUIRE(read->back().fwd == "stale");
  REQUIRE(read->back().fwd_status == 304);
  REQUIRE(read->back().detail == "stale-if-error");
  for (const char* bad : {"eu-1; hit; fwd=miss", "; hit", "eu-1; ttl=x", "eu-1; unheard-of"}) {
    INFO(bad);
    REQUIRE(!parse_cache_status(bad));
  }
}

TEST_CASE("the truth knows since when and until when a version was current", "[sim][truth]") {
  Truth truth(std::vector<Resource>(2));
  const MonoTime now(100s);
  REQUIRE(truth.version(1) == 1);
  REQUIRE(!truth.superseded(1, 1));
  REQUIRE(truth.advance(1, now) == 2);
  REQUIRE(truth.superseded(1, 1) == now);
  REQUIRE(truth.began(1, 2) == now);
  REQUIRE(!truth.began(1, 3));
  REQUIRE(truth.version(0) == 1);
}

TEST_CASE("an answer tells in which exchange it was made or confirmed", "[sim][truth]") {
  REQUIRE(exchange_in("max-age=60, " + made_directive(17)) == 17);
  REQUIRE(exchange_in(made_directive(0) + ", must-revalidate") == 0);
  REQUIRE(!exchange_in("max-age=60"));
  REQUIRE(!exchange_in("max-age=60, made=x"));
}

// One node, and one resource that it has asked the origin about at these times.
struct Judged {
  explicit Judged(std::vector<MonoTime> asked) {
    for (const MonoTime each : asked) {
      OriginExchange exchange;
      exchange.received = each;
      exchange.answered = exchange.ended = each + 1ms;
      exchange.status = 200;
      exchange.version = 1;
      truth.add(exchange);
    }
  }
  void purge(MonoTime asked, MonoTime receipt, const PurgeWish& wish = {PurgeWish::Kind::everything, 0}) {
    const size_t number = purges.add(wish, "eu-1", asked);
    purges.answered(number, 200, R"({"applied":true,"nodes":[{"node":"eu-1","state":"applied"}]})", receipt);
  }
  // What is said of an answer that was asked for at that time.
  std::vector<std::string> violated(MonoTime sent, int status, size_t made) {
    Invariants invariants(scenario, truth, trouble, purges, cluster);
    Outcome outcome;
    outcome.ask.number = 1;
    outcome.ask.node = "eu-1";
    if (status == 304) outcome.ask.known = 1;
    outcome.sent = sent;
    outcome.head_at = outcome.ended = sent + 1ms;
    outcome.end = End::complete;
    outcome.status = status;
    outcome.fields = {{"cache-control", "max-age=60, " + made_directive(made)},
                      {"date", "Sun, 15 Jun 2025 15:06:55 GMT"},
                      {"etag", entity_tag(1, 0)},
                      {"cache-status", "eu-1; hit; ttl=5"}};
    if (status == 200) outcome.fields.emplace_back("x-version", "1");
    invariants.judge(outcome);
    std::vector<std::string> names;
    for (const Violation& each : invariants.violations()) names.push_back(each.invariant);
    return names;
  }

  net::MemoryWorld world;
  Scenario scenario;
  Truth truth{std::vector<Resource>(1)};
  Trouble trouble;
  Purges purges;
  SimCluster cluster{world, {}, {{{"eu-1", "eu", "10.1.0.1", 1}}}};
};

TEST_CASE("after a purge it counts when an answer was made or last confirmed, to the millisecond",
          "[sim][purge]") {
  const MonoTime second(100s);
  const std::vector<std::string> nothing;
  const std::vector<std::string> purged = {"purge"};
  // All within one second, so that Date tells nothing.
  Judged judged({second + 100ms, second + 300ms});
  judged.purge(second + 200ms, second + 250ms);
  for (const int status : {200, 304}) {
    CAPTURE(status);
    REQUIRE(judged.violated(second + 240ms, status, 0) == nothing);
    REQUIRE(judged.violated(second + 400ms, status, 0) == purged);
    REQUIRE(judged.violated(second + 400ms, status, 1) == nothing);
  }
  Judged of_another({second + 100ms});
  of_another.purge(second + 200ms, second + 250ms, {PurgeWish::Kind::url, 1});
  REQUIRE(of_another.violated(second + 400ms, 200, 0) == nothing);
}

TEST_CASE("a load report adds up", "[sim][load]") {
  LoadOptions options;
  options.nodes = {{"eu-1", "eu", "", 1}, {"eu-2", "eu", "", 2}, {"us-1", "us", "", 1}};
  options.shield = "eu";
  options.requests = 600;
  options.urls = 50;
  options.bytes = 500;
  const LoadReport report = run_load(options);
  REQUIRE(report.failed == 0);
  REQUIRE(report.requests == 600);
  // Everything stays fresh, so the origin is asked once for each URL that anybody wanted.
  REQUIRE(report.origin_requests <= 50);
  REQUIRE(report.offload() > 0.9);
  uint64_t clients = 0;
  uint64_t to_origin = 0;
  uint64_t hits = 0;
  for (const NodeLoad& node : report.nodes) {
    clients += node.client_requests;
    to_origin += node.origin_requests;
    hits += node.hits;
  }
  REQUIRE(clients == report.requests);
  REQUIRE(to_origin == report.origin_requests);
  REQUIRE(hits == report.hits_here + report.hits_there);
}

}  // namespace
}  // namespace perigee::sim
