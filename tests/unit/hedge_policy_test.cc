#include "edge/cluster/hedge_policy.h"

#include <algorithm>
#include <catch2/catch_test_macros.hpp>

#include "edge/base/random.h"

namespace perigee::cluster {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr MonoTime start{seconds(1000)};

void feed(HedgePolicy& policy, Duration latency, int count) {
  for (int i = 0; i < count; ++i) policy.on_first_byte(latency);
}

}  // namespace

TEST_CASE("a quantile is at most an eighth above the exact one and never below it", "[cluster][hedge]") {
  Random random(3);
  for (const uint64_t scale_us : {100u, 1'000u, 50'000u, 3'000'000u}) {
    LatencyHistogram histogram;
    std::vector<Duration> exact;
    for (int i = 0; i < 1000; ++i) {
      exact.push_back(microseconds(100 + random.below(scale_us)));
      histogram.record(exact.back());
    }
    std::sort(exact.begin(), exact.end());
    for (const uint32_t per_mille : {1u, 500u, 950u, 999u, 1000u}) {
      INFO(scale_us << " us, " << per_mille);
      const Duration expected = exact[per_mille - 1];
      const Duration found = *histogram.quantile(per_mille);
      CHECK(found >= expected);
      CHECK(found <= expected + expected / 8);
    }
  }
}

TEST_CASE("latencies beyond the ends land in the end buckets", "[cluster][hedge]") {
  LatencyHistogram histogram;
  CHECK_FALSE(histogram.quantile(500));
  histogram.record(Duration(-5));
  histogram.record(Duration(0));
  histogram.record(std::chrono::hours(5));
  CHECK(*histogram.quantile(1) < microseconds(75));
  CHECK(*histogram.quantile(1000) > seconds(130));
  CHECK(*histogram.quantile(1000) < seconds(140));
  CHECK(histogram.samples() == 3);
}

TEST_CASE("old latencies are forgotten", "[cluster][hedge]") {
  LatencyHistogram histogram;
  for (int i = 0; i < 1000; ++i) histogram.record(milliseconds(100));
  for (int i = 0; i < 20'000; ++i) histogram.record(milliseconds(1));
  CHECK(histogram.samples() <= 1024);
  CHECK(*histogram.quantile(999) < milliseconds(2));
}

TEST_CASE("the delay is twice the p95 and at least 2 ms", "[cluster][hedge]") {
  const struct {
    Duration latency;
    Duration at_least;
    Duration at_most;
  } table[] = {
      {microseconds(100), milliseconds(2), milliseconds(2)},
      {microseconds(800), milliseconds(2), milliseconds(2)},
      {milliseconds(5), milliseconds(10), microseconds(11'250)},
      {milliseconds(200), milliseconds(400), milliseconds(450)},
  };
  for (const auto& row : table) {
    HedgePolicy policy;
    feed(policy, row.latency, 100);
    const auto delay = policy.on_request(start);
    INFO(row.latency.count());
    REQUIRE(delay);
    CHECK(*delay >= row.at_least);
    CHECK(*delay <= row.at_most);
  }
}

TEST_CASE("too few samples make no hedge", "[cluster][hedge]") {
  HedgePolicy policy;
  feed(policy, milliseconds(1), 19);
  CHECK_FALSE(policy.on_request(start));
  feed(policy, milliseconds(1), 1);
  CHECK(policy.on_request(start));
}

TEST_CASE("rare stalls do not move the delay", "[cluster][hedge]") {
  HedgePolicy policy;
  for (int i = 0; i < 1000; ++i) policy.on_first_byte(i % 100 == 7 ? milliseconds(200) : milliseconds(1));
  CHECK(*policy.on_request(start) < milliseconds(3));
}

TEST_CASE("a peer that becomes slow altogether is soon hedged later, not more", "[cluster][hedge]") {
  HedgePolicy policy;
  feed(policy, milliseconds(1), 1000);
  feed(policy, milliseconds(50), 100);
  CHECK(*policy.on_request(start) >= milliseconds(100));
}

TEST_CASE("hedges are at most 2 % of the requests", "[cluster][hedge]") {
  HedgePolicy policy;
  feed(policy, milliseconds(1), 100);
  int hedges = 0;
  for (int i = 0; i < 10'000; ++i) {
    const MonoTime now = start + milliseconds(i);
    policy.on_request(now);
    if (policy.try_hedge(now)) ++hedges;
  }
  CHECK(hedges == 200);
}

TEST_CASE("the first hedge waits for fifty requests", "[cluster][hedge]") {
  HedgePolicy policy;
  for (int i = 0; i < 49; ++i) policy.on_request(start);
  CHECK_FALSE(policy.try_hedge(start));
  policy.on_request(start);
  CHECK(policy.try_hedge(start));
}

}  // namespace perigee::cluster
