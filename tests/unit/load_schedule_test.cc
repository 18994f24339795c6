#include "bench/load/schedule.h"

#include <algorithm>
#include <catch2/catch_test_macros.hpp>
#include <iterator>
#include <string>
#include <vector>

#include "bench/load/options.h"
#include "bench/load/summary.h"

using namespace perigee;
using namespace perigee::load;

namespace {

std::string target_of(const Schedule& schedule, size_t index) {
  std::string target;
  schedule.append_target(target, index);
  return target;
}

std::string line(std::string_view ts, std::string_view method, std::string_view path) {
  return "{\"ts\":\"" + std::string(ts) + "\",\"client\":\"127.0.0.1\",\"method\":\"" + std::string(method) +
         "\",\"host\":\"a.example\",\"path\":\"" + std::string(path) + "\",\"status\":200}\n";
}

Result<Options> options_of(std::vector<std::string_view> more) {
  std::vector<std::string_view> all = {"--target", "127.0.0.1:80"};
  all.insert(all.end(), more.begin(), more.end());
  return parse_options(all);
}

}  // namespace

TEST_CASE("a trace asks for its ids and sizes by the template", "[load]") {
  const auto trace = trace::parse_csv("10,x,5\n11.5,y,70\n", "t");
  const Schedule schedule = Schedule::from_trace(*trace, "/{id}/b?size={size}&again={id}");
  REQUIRE(schedule.size() == 2);
  CHECK(target_of(schedule, 0) == "/x/b?size=5&again=x");
  CHECK(target_of(schedule, 1) == "/y/b?size=70&again=y");
  CHECK(schedule.at_ns(0) == 0);
  CHECK(schedule.at_ns(1) == 1'500'000'000);
  CHECK(schedule.id(1) == "y");
  CHECK(schedule.host(1).empty());
}

TEST_CASE("an access log is replayed in the order in which requests came", "[load]") {
  const auto schedule = Schedule::from_access_log(line("2026-02-28T23:59:59.900Z", "GET", "/late") +
                                                      line("2026-02-28T23:59:59.500Z", "GET", "/early") +
                                                      line("2026-02-28T23:59:59.600Z", "POST", "/form") +
                                                      line("2026-03-01T00:00:00.000Z", "GET", "/late"),
                                                  "access.log");
  REQUIRE(schedule.has_value());
  REQUIRE(schedule->size() == 3);
  CHECK(schedule->skipped() == 1);
  CHECK(target_of(*schedule, 0) == "/early");
  CHECK(target_of(*schedule, 1) == "/late");
  CHECK(schedule->at_ns(1) == 400'000'000);
  CHECK(schedule->at_ns(2) == 500'000'000);
  CHECK(schedule->host(2) == "a.example");
}

TEST_CASE("a path that would break the request line is not sent", "[load]") {
  const auto schedule = Schedule::from_access_log(
      line("2026-01-01T00:00:00.000Z", "GET", "/a b") + line("2026-01-01T00:00:00.000Z", "GET", "*"), "l");
  REQUIRE(schedule.has_value());
  CHECK(schedule->size() == 0);
  CHECK(schedule->skipped() == 2);
}

TEST_CASE("a line that is not of the access log is refused with its number", "[load]") {
  for (const std::string& bad : {std::string("{\"ts\":1}"), std::string("{"), line("yesterday", "GET", "/"),
                                 line("2026-13-01T00:00:00.000Z", "GET", "/")}) {
    CAPTURE(bad);
    const auto schedule = Schedule::from_access_log(line("2026-01-01T00:00:00.000Z", "GET", "/") + bad, "l");
    REQUIRE_FALSE(schedule.has_value());
    CHECK(schedule.error().context.find("l:2: found") == 0);
  }
}

TEST_CASE("a trace or a rate makes an open loop, unless it is to be closed", "[load]") {
  CHECK_FALSE(options_of({"/"})->open_loop());
  CHECK(options_of({"/", "--rate", "10"})->open_loop());
  CHECK(options_of({"--mix", "zipf"})->open_loop());
  CHECK(options_of({"--trace", "f"})->open_loop());
  CHECK_FALSE(options_of({"--mix", "zipf", "--closed"})->open_loop());
}

TEST_CASE("what contradicts itself is refused", "[load]") {
  CHECK_FALSE(options_of({}).has_value());
  CHECK_FALSE(options_of({"/", "--mix", "zipf"}).has_value());
  CHECK_FALSE(options_of({"--trace", "f", "--mix", "zipf"}).has_value());
  CHECK_FALSE(options_of({"--mix", "uniform"}).has_value());
  CHECK_FALSE(options_of({"/", "--herd", "3", "--rate", "5"}).has_value());
}

TEST_CASE("the chart has a line for each share, and bars that do not shrink", "[load]") {
  Histogram latency;
  for (int64_t value = 1; value <= 1000; ++value) latency.add(value * 1000);
  const std::string chart = latency_chart(latency);
  size_t lines = 0;
  size_t bar = 0;
  for (size_t at = 0; at < chart.size(); ++lines) {
    const size_t end = chart.find('\n', at);
    const std::string row = chart.substr(at, end - at);
    const auto columns = static_cast<size_t>(std::count(row.begin(), row.end(), '#'));
    CHECK(columns >= bar);
    bar = columns;
    at = end + 1;
  }
  CHECK(lines == std::size(curve_shares));
  CHECK(bar == 48);
  CHECK(latency_chart(Histogram()).empty());
}
