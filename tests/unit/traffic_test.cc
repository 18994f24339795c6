#include "edge/proxy/traffic.h"

#include <catch2/catch_test_macros.hpp>
#include <set>
#include <sstream>
#include <string>

#include "edge/control/metrics_text.h"

using namespace perigee;
using namespace perigee::proxy;
using namespace std::chrono_literals;

namespace {

bool has_line(const std::string& text, const std::string& line) {
  return ("\n" + text).find("\n" + line + "\n") != std::string::npos;
}

std::string text_of(std::initializer_list<const TrafficShard*> shards) {
  const std::vector<const TrafficShard*> list(shards);
  return control::traffic_text(list);
}

}  // namespace

TEST_CASE("a duration falls into the first bucket whose end it does not exceed", "[metrics][traffic]") {
  const struct {
    Duration took;
    size_t bucket;
  } cases[] = {{-1ms, 0},   {0ns, 0}, {1ns, 0},       {500us, 0},    {500us + 1ns, 1}, {1ms, 1},
               {1001us, 2}, {2ms, 2}, {2ms + 1ns, 3}, {32768ms, 16}, {32769ms, 17},    {24h, 17}};
  for (const auto& each : cases) {
    INFO(each.took.count());
    CHECK(LatencyHistogram::bucket_of(each.took) == each.bucket);
  }
  for (size_t i = 0; i + 1 < LatencyHistogram::bucket_count; ++i) {
    CHECK(LatencyHistogram::bucket_of(LatencyHistogram::end_of(i)) == i);
    CHECK(LatencyHistogram::bucket_of(LatencyHistogram::end_of(i) + 1ns) == i + 1);
  }
}

TEST_CASE("buckets of the page add up, over workers and from below", "[metrics][traffic]") {
  TrafficShard a;
  TrafficShard b;
  a.site("docs").answer_time().record_at_once();
  a.site("docs").answer_time().record(700us);
  b.site("docs").answer_time().record(700us);
  b.site("docs").answer_time().record(1h);
  const std::string text = text_of({&a, &b});
  CHECK(has_line(text, "perigee_site_answer_seconds_bucket{site=\"docs\",le=\"0.0005\"} 1"));
  CHECK(has_line(text, "perigee_site_answer_seconds_bucket{site=\"docs\",le=\"0.001\"} 3"));
  CHECK(has_line(text, "perigee_site_answer_seconds_bucket{site=\"docs\",le=\"32.768\"} 3"));
  CHECK(has_line(text, "perigee_site_answer_seconds_bucket{site=\"docs\",le=\"+Inf\"} 4"));
  CHECK(has_line(text, "perigee_site_answer_seconds_count{site=\"docs\"} 4"));
  CHECK(has_line(text, "perigee_site_answer_seconds_sum{site=\"docs\"} 3600.0014"));
}

TEST_CASE("sites and upstreams are told apart, with what became of their requests", "[metrics][traffic]") {
  TrafficShard shard;
  shard.site("docs").count(AnswerKind::hit, 200, 10);
  shard.site("docs").count(AnswerKind::error, 502, 0);
  shard.site("shop").count(AnswerKind::miss, 0, 5);
  shard.site("shop").went_forward(cache::ForwardReason::uri_miss);
  UpstreamTraffic& origin = shard.upstream(cluster::Tier::origin, "main");
  origin.sent();
  origin.received(99);
  origin.failed(UpstreamFailure::connect_refused);
  shard.upstream(cluster::Tier::region, "main").sent();
  shard.refused(431);
  shard.refused(499);
  const std::string text = text_of({&shard});
  for (const char* line :
       {R"(perigee_site_responses_total{site="docs",result="hit",code="2xx"} 1)",
        R"(perigee_site_responses_total{site="docs",result="error",code="5xx"} 1)",
        R"(perigee_site_responses_total{site="shop",result="miss",code="none"} 1)",
        R"(perigee_site_bytes_total{site="docs"} 10)",
        R"(perigee_site_forwards_total{site="shop",reason="uri-miss"} 1)",
        R"(perigee_upstream_sent_total{tier="origin",upstream="main"} 1)",
        R"(perigee_upstream_sent_total{tier="region",upstream="main"} 1)",
        R"(perigee_upstream_received_bytes_total{tier="origin",upstream="main"} 99)",
        R"(perigee_upstream_failed_total{tier="origin",upstream="main",reason="connection_refused"} 1)",
        R"(perigee_refused_total{status="431"} 1)", R"(perigee_refused_total{status="other"} 1)"}) {
    INFO(line);
    CHECK(has_line(text, line));
  }
  CHECK(text.find("result=\"stale\"") == std::string::npos);
}

TEST_CASE("no line of the page is there twice, whatever has been counted", "[metrics][traffic]") {
  TrafficShard shard;
  UpstreamTraffic& upstream = shard.upstream(cluster::Tier::origin, "main");
  for (size_t i = 0; i < upstream_failure_count; ++i) upstream.failed(static_cast<UpstreamFailure>(i));
  SiteTraffic& site = shard.site("a\"b\\c\nd");
  for (size_t i = 0; i < forward_reason_count; ++i) site.went_forward(static_cast<cache::ForwardReason>(i));
  for (size_t i = 0; i < answer_kind_count; ++i) site.count(static_cast<AnswerKind>(i), 200, 1);
  for (const int status : refusal_statuses) shard.refused(status);
  std::istringstream lines(text_of({&shard}));
  std::set<std::string> seen;
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with('#')) continue;
    INFO(line);
    CHECK(seen.insert(line.substr(0, line.rfind(' '))).second);
  }
  CHECK(seen.count(R"(perigee_site_bytes_total{site="a\"b\\c\nd"})") == 1);
  CHECK(has_line(
      text_of({&shard}),
      R"(perigee_upstream_failed_total{tier="origin",upstream="main",reason="connection_terminated"} 2)"));
}

TEST_CASE("names are bounded: beyond the bound they share one set of counters", "[metrics][traffic]") {
  TrafficShard shard;
  for (size_t i = 0; i < TrafficShard::names_max; ++i)
    shard.site("site-" + std::to_string(i)).count({}, 200, 1);
  for (size_t i = 0; i < 5000; ++i) shard.site("late-" + std::to_string(i)).count({}, 200, 1);
  // Who was there first goes on being told apart.
  shard.site("site-7").count({}, 200, 1);
  size_t names = 0;
  uint64_t other = 0;
  shard.visit_sites([&](const std::string& name, const SiteTraffic& traffic) {
    ++names;
    if (name == TrafficShard::other_name) other = traffic.bytes();
    if (name == "site-7") CHECK(traffic.bytes() == 2);
  });
  CHECK(names == TrafficShard::names_max + 1);
  CHECK(other == 5000);
}

TEST_CASE("every word of the access log is a kind of answer, and back", "[metrics][traffic]") {
  for (size_t i = 0; i < answer_kind_count; ++i)
    CHECK(answer_kind(answer_kinds[i]) == static_cast<AnswerKind>(i));
  CHECK(answer_kind("nonsense") == AnswerKind::error);
}
