#include "edge/cache/freshness.h"

#include <catch2/catch_test_macros.hpp>

#include "tests/unit/policy_builder.h"

using namespace perigee::cache;
using namespace perigee::test;
using perigee::WallTime;

namespace {

int32_t lifetime(Rows response, const PolicyOptions& options = {}) {
  return judge(response, options).meta.freshness_lifetime;
}

int32_t initial_age(Rows response) { return judge(response).meta.corrected_initial_age; }

}  // namespace

TEST_CASE("the freshness lifetime is what the response says, s-maxage first", "[freshness]") {
  constexpr std::pair<std::string_view, std::string_view> hour = {"Expires", "Fri, 07 Jun 2024 13:00:00 GMT"};
  CHECK(lifetime({{"Cache-Control", "max-age=60"}}) == 60);
  CHECK(lifetime({{"Cache-Control", "MaX-aGe=60"}}) == 60);
  CHECK(lifetime({{"Cache-Control", "max-age=\"60\""}}) == 60);
  CHECK(lifetime({{"Cache-Control", "max-age=0060"}}) == 60);
  CHECK(lifetime({{"Cache-Control", "max-age=60, max-age=60"}}) == 60);
  CHECK(lifetime({{"Cache-Control", "max-age=1"}, {"Cache-Control", "s-maxage=60"}}) == 60);
  CHECK(lifetime({{"Cache-Control", "max-age=60, s-maxage=1"}}) == 1);
  CHECK(lifetime({hour}) == 3600);
  CHECK(lifetime({hour, {"Date", noon_text}}) == 3600);
  CHECK(lifetime({hour, {"Date", "Fri, 07 Jun 2024 12:59:00 GMT"}}) == 60);
  CHECK(lifetime({hour, {"Date", "no date"}}) == 3600);
  CHECK(lifetime({{"Expires", "FRI, 07 JUN 2024 13:00:00 gmt"}}) == 3600);
  CHECK(lifetime({hour, {"Cache-Control", "max-age=0"}}) == 0);
  CHECK(lifetime({{"Expires", "0"}, {"Cache-Control", "max-age=60"}}) == 60);
  CHECK(lifetime({{"Cache-Control", "max-age=2147483647"}}) == 2147483647);
  CHECK(lifetime({{"Cache-Control", "max-age=99999999999999999999999"}}) == 2147483647);
  CHECK(lifetime({{"Cache-Control", "x=\"max-age=60\", max-age=1"}}) == 1);
  CHECK(lifetime({{"Expires", "Fri, 31 Dec 9999 23:59:59 GMT"}}) == 2147483647);
}

TEST_CASE("a lifetime that is broken or contradicts itself is none", "[freshness]") {
  for (const char* value :
       {"max-age=-60", "max-age=60a", "max-age=60.0", "max-age='60'", "max-age", "max-age=", "max-age =60",
        "max-age= 60", "max-age=60, max-age=61", "max-age=x, max-age=60", "s-maxage=x, max-age=60",
        "max-age=60, y=\"unfinished", "max-age=\"60", "max-age=\"6\\0\""}) {
    INFO(value);
    CHECK(lifetime({{"Cache-Control", value}, {"Last-Modified", "Thu, 06 Jun 2024 12:00:00 GMT"}}) == 0);
  }
  CHECK(lifetime({{"Cache-Control", "max-age=60"}, {"Cache-Control", "max-age=61"}}) == 0);
  for (const char* value : {"0", "-1", "", "Fri, 07 Jun 2024 13:00:00", "Fri, 07 Jun 2024 12:00:00 GMT",
                            "Thu, 06 Jun 2024 13:00:00 GMT"}) {
    INFO(value);
    CHECK(lifetime({{"Expires", value}, {"Last-Modified", "Thu, 06 Jun 2024 12:00:00 GMT"}}) == 0);
  }
  CHECK(lifetime({{"Expires", "Fri, 07 Jun 2024 13:00:00 GMT"},
                  {"Expires", "Fri, 07 Jun 2024 14:00:00 GMT"}}) == 0);
}

TEST_CASE("without an explicit lifetime the site's default counts, else a tenth of the age", "[freshness]") {
  PolicyOptions options;
  CHECK(lifetime({{"Last-Modified", "Thu, 06 Jun 2024 12:00:00 GMT"}}) == 8640);
  CHECK(judge({{"Last-Modified", "Thu, 06 Jun 2024 12:00:00 GMT"}}).meta.is(ResponseMeta::heuristic));
  CHECK(lifetime({{"Last-Modified", "Thu, 06 Jun 2019 12:00:00 GMT"}}) == options.heuristic_freshness_max);
  CHECK(lifetime({{"Last-Modified", "Sat, 08 Jun 2024 12:00:00 GMT"}}) == 0);
  CHECK(lifetime({{"Last-Modified", "yesterday"}}) == 0);
  options.heuristic_freshness = false;
  CHECK(lifetime({{"Last-Modified", "Thu, 06 Jun 2024 12:00:00 GMT"}}, options) == 0);
  options.default_freshness_lifetime = 77;
  CHECK(lifetime({{"Last-Modified", "Thu, 06 Jun 2024 12:00:00 GMT"}}, options) == 77);
  CHECK(lifetime({{"Cache-Control", "max-age=5"}}, options) == 5);
  CHECK(judge(request_of({}), response_of(503, {}), options).meta.freshness_lifetime == 0);
}

TEST_CASE("the initial age is the larger of what Age and what Date say", "[freshness]") {
  CHECK(initial_age({}) == 0);
  CHECK(initial_age({{"Age", "30"}}) == 30);
  CHECK(initial_age({{"Date", "Fri, 07 Jun 2024 11:59:00 GMT"}}) == 60);
  CHECK(initial_age({{"Date", "Fri, 07 Jun 2024 11:59:00 GMT"}, {"Age", "61"}}) == 61);
  CHECK(initial_age({{"Date", "Fri, 07 Jun 2024 12:59:00 GMT"}, {"Age", "15"}}) == 15);
  CHECK(initial_age({{"Age", "7200,0"}}) == 7200);
  CHECK(initial_age({{"Age", "99999999999"}}) == 2147483647);
}

TEST_CASE("the time a response took counts as age; clocks that run backwards do not", "[freshness]") {
  const WallTime early = noon - std::chrono::milliseconds(2500);
  CHECK(corrected_initial_age(10, 1717761600, early, noon) == 12);
  CHECK(corrected_initial_age(0, 1717761598, early, noon) == 2);
  CHECK(corrected_initial_age(10, 1717761600, noon, early) == 10);
  ResponseMeta meta = judge({{"Cache-Control", "max-age=60"}}).meta;
  CHECK(meta.current_age(after(59)) == 59);
  CHECK(meta.current_age(after(-100)) == 0);
  CHECK(meta.ttl(after(60)) == 0);
}

TEST_CASE("an Age that says nothing certain makes the response stale", "[freshness]") {
  for (const char* value :
       {"abc", "-7200", "7200.0", "0, 0", "3600, 3600", "7200;foo=bar", "", "1 2", "0x1"}) {
    INFO(value);
    CHECK(lifetime({{"Cache-Control", "max-age=10000, stale-while-revalidate=60"}, {"Age", value}}) == 0);
    CHECK(judge({{"Cache-Control", "max-age=10000, stale-while-revalidate=60"}, {"Age", value}})
              .meta.stale_while_revalidate == 0);
  }
  CHECK(lifetime({{"Cache-Control", "max-age=10000"}, {"Age", "0"}, {"Age", "7200"}}) == 0);
  CHECK(lifetime({{"Cache-Control", "max-age=10000"}, {"Age", "0"}, {"Age", "0"}}) == 0);
  CHECK(lifetime({{"Cache-Control", "max-age=10000"}, {"Age", "0,7200"}}) == 10000);
}
