#include "edge/cluster/retry_budget.h"

#include <catch2/catch_test_macros.hpp>

namespace perigee::cluster {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr MonoTime start{seconds(1000)};

// Requests at an even rate, each of which asks for a retry; answers how many were granted.
uint64_t granted(RetryBudget& budget, MonoTime from, Duration span, uint64_t per_second) {
  const uint64_t requests = per_second * static_cast<uint64_t>(span / seconds(1));
  uint64_t retries = 0;
  for (uint64_t i = 0; i < requests; ++i) {
    const MonoTime now = from + span * static_cast<Duration::rep>(i) / static_cast<Duration::rep>(requests);
    budget.on_request(now);
    if (budget.try_retry(now)) ++retries;
  }
  return retries;
}

}  // namespace

TEST_CASE("when everything fails, retries are a tenth of the requests and 3 a second", "[cluster][budget]") {
  for (const uint64_t rate : {300u, 1000u, 5000u}) {
    for (const int span_s : {2, 10, 60}) {
      RetryBudget budget;
      const uint64_t requests = rate * static_cast<uint64_t>(span_s);
      const uint64_t allowed = requests / 10 + 3 * static_cast<uint64_t>(span_s) + 3;
      const uint64_t found = granted(budget, start, seconds(span_s), rate);
      INFO(rate << "/s for " << span_s << " s");
      CHECK(found <= allowed);
      CHECK(found >= requests / 10);
      CHECK(static_cast<double>(requests + found) <= 1.12 * static_cast<double>(requests));
    }
  }
}

TEST_CASE("an upstream with little traffic has 3 retries a second", "[cluster][budget]") {
  RetryBudget budget;
  int retries = 0;
  for (int i = 0; i < 10; ++i) retries += budget.try_retry(start) ? 1 : 0;
  CHECK(retries == 3);
  CHECK_FALSE(budget.try_retry(start + milliseconds(333)));
  CHECK(budget.try_retry(start + milliseconds(334)));
  CHECK_FALSE(budget.try_retry(start + milliseconds(335)));
  for (int i = 0; i < 10; ++i) retries += budget.try_retry(start + seconds(60)) ? 1 : 0;
  CHECK(retries == 6);
}

TEST_CASE("requests of the last 10 s count, older ones do not", "[cluster][budget]") {
  const RetryBudgetOptions share_only{10, 0, 1};
  const struct {
    Duration later;
    bool granted;
  } table[] = {{seconds(0), true}, {seconds(9), true}, {seconds(10), false}, {seconds(10'000), false}};
  for (const auto& row : table) {
    RetryBudget budget(share_only);
    for (int i = 0; i < 10; ++i) budget.on_request(start);
    INFO(row.later.count());
    CHECK(budget.try_retry(start + row.later) == row.granted);
  }
}

TEST_CASE("a spent budget comes back as the window moves on", "[cluster][budget]") {
  RetryBudget budget({10, 0, 1});
  for (int i = 0; i < 10; ++i) budget.on_request(start);
  CHECK(budget.try_retry(start));
  CHECK_FALSE(budget.try_retry(start));
  for (int i = 0; i < 10; ++i) budget.on_request(start + seconds(11));
  CHECK(budget.try_retry(start + seconds(11)));
  CHECK_FALSE(budget.try_retry(start + seconds(11)));
}

TEST_CASE("nine requests do not pay for a retry, ten do", "[cluster][budget]") {
  RetryBudget budget({10, 0, 1});
  for (int i = 0; i < 9; ++i) budget.on_request(start);
  CHECK_FALSE(budget.try_retry(start));
  budget.on_request(start);
  CHECK(budget.try_retry(start));
}

TEST_CASE("the rate is divided by the workers", "[cluster][budget]") {
  const struct {
    uint32_t workers;
    uint64_t in_a_minute;
  } table[] = {{1, 180 + 3}, {3, 60 + 1}, {6, 30 + 1}};
  for (const auto& row : table) {
    RetryBudget budget({0, 3, row.workers});
    uint64_t retries = 0;
    for (int ms = 0; ms <= 60'000; ++ms) retries += budget.try_retry(start + milliseconds(ms)) ? 1 : 0;
    INFO(row.workers << " workers");
    CHECK(retries <= row.in_a_minute);
    CHECK(retries + 1 >= row.in_a_minute);
  }
}

TEST_CASE("a budget of nothing grants nothing", "[cluster][budget]") {
  RetryBudget budget({0, 0, 1});
  CHECK(granted(budget, start, seconds(20), 100) == 0);
}

TEST_CASE("time that stands still or steps back gives no credit", "[cluster][budget]") {
  RetryBudget budget({0, 3, 1});
  for (int i = 0; i < 3; ++i) CHECK(budget.try_retry(start));
  CHECK_FALSE(budget.try_retry(start - seconds(5)));
  CHECK_FALSE(budget.try_retry(start));
}

}  // namespace perigee::cluster
