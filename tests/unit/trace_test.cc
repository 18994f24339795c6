#include "bench/trace/trace.h"

#include <algorithm>
#include <catch2/catch_test_macros.hpp>
#include <map>
#include <vector>

#include "bench/trace/generate.h"

using namespace perigee;
using namespace perigee::trace;

namespace {

Parameters small(Mix mix) {
  Parameters parameters;
  parameters.mix = mix;
  parameters.requests = 40'000;
  parameters.ids = 5'000;
  parameters.scan_every = 10'000;
  parameters.scan_ids = 2'000;
  return parameters;
}

std::map<uint32_t, size_t> counts(const Trace& trace) {
  std::map<uint32_t, size_t> seen;
  for (const Request& request : trace.requests) ++seen[request.id];
  return seen;
}

}  // namespace

TEST_CASE("a csv trace is read with or without a heading, and ids are names", "[trace]") {
  for (const std::string_view heading : {"", "time,id,size\n"}) {
    const auto trace = parse_csv(std::string(heading) + "0.5,a/b,100\n1,7,0,more\r\n\n2.25,a/b,100", "t.csv");
    REQUIRE(trace.has_value());
    REQUIRE(trace->requests.size() == 3);
    CHECK(trace->requests[0].time_us == 500'000);
    CHECK(trace->requests[1].size == 0);
    CHECK(trace->requests[2].id == trace->requests[0].id);
    CHECK(trace->name(trace->requests[1].id) == "7");
    CHECK(trace->ids() == 2);
  }
}

TEST_CASE("a line that is no request is refused with its number", "[trace]") {
  for (const std::string_view bad : {"1,a", "x,a,1", "-1,a,1", "1,,1", "1,a,-1", "1,a,1.5", "nan,a,1"}) {
    CAPTURE(bad);
    const auto trace = parse_csv("0,a,1\n" + std::string(bad) + "\n", "t.csv");
    REQUIRE_FALSE(trace.has_value());
    CHECK(trace.error().context.find("t.csv:2: found") == 0);
  }
  CHECK_FALSE(read_csv("no/such/file.csv").has_value());
}

TEST_CASE("a generated trace follows from its parameters alone", "[trace]") {
  for (const std::string_view name : mix_names) {
    const Mix mix = parse_mix(name).value();
    const Trace one = generate(small(mix));
    const Trace same = generate(small(mix));
    Parameters reseeded = small(mix);
    reseeded.seed = 2;
    const Trace other = generate(reseeded);
    CAPTURE(name);
    REQUIRE(one.requests.size() == 40'000);
    const auto equal = [](const Request& a, const Request& b) {
      return a.time_us == b.time_us && a.id == b.id && a.size == b.size;
    };
    CHECK(std::equal(one.requests.begin(), one.requests.end(), same.requests.begin(), equal));
    CHECK_FALSE(std::equal(one.requests.begin(), one.requests.end(), other.requests.begin(), equal));
    std::map<uint32_t, uint64_t> sizes;
    for (const Request& request : one.requests) {
      REQUIRE(sizes.try_emplace(request.id, request.size).first->second == request.size);
    }
  }
  CHECK_FALSE(parse_mix("uniform").has_value());
}

TEST_CASE("sizes have the median and the mean that were asked for", "[trace]") {
  Parameters parameters = small(Mix::zipf);
  parameters.skew = 0;
  parameters.ids = 200'000;
  parameters.requests = 100'000;
  std::vector<uint64_t> sizes;
  double sum = 0;
  for (const Request& request : generate(parameters).requests) {
    sizes.push_back(request.size);
    sum += static_cast<double>(request.size);
  }
  std::sort(sizes.begin(), sizes.end());
  const auto median = static_cast<double>(sizes[sizes.size() / 2]);
  CHECK(median > 13'300 * 0.97);
  CHECK(median < 13'300 * 1.03);
  CHECK(sum / 100'000 > 33'000 * 0.93);
  CHECK(sum / 100'000 < 33'000 * 1.07);
}

TEST_CASE("with a skew of 0.57 one key in a hundred of a million takes 14 % of the requests", "[trace]") {
  Parameters parameters;
  parameters.ids = 1'000'000;
  parameters.skew = 0.57;
  parameters.requests = 200'000;
  size_t of_the_top = 0;
  for (const Request& request : generate(parameters).requests) of_the_top += request.id < 10'000 ? 1 : 0;
  CHECK(of_the_top > 25'000);
  CHECK(of_the_top < 31'000);
}

TEST_CASE("each mix is what its name says", "[trace]") {
  const auto zipf = counts(generate(small(Mix::zipf)));
  CHECK(zipf.rbegin()->first < 5'000);
  CHECK(zipf.at(0) > 5 * zipf.at(20));

  const Trace scanned = generate(small(Mix::scan));
  for (size_t i = 0; i < 2'000; ++i) REQUIRE(scanned.requests[10'000 + i].id == 5'000 + i);
  CHECK(counts(scanned).at(5'000) == 3);

  size_t once = 0;
  for (const auto& [id, count] : counts(generate(small(Mix::one_hit)))) {
    if (id < 5'000) continue;
    CHECK(count == 1);
    ++once;
  }
  CHECK(once > 19'000);
  CHECK(once < 21'000);

  size_t asked_twice = 0;
  for (const auto& [id, count] : counts(generate(small(Mix::twice)))) {
    if (id >= 5'000) asked_twice += count == 2 ? 1 : 0;
    CHECK((id < 5'000 || count <= 2));
  }
  CHECK(asked_twice > 6'000);

  // What is asked for late in a recency-heavy trace was not even there in the beginning.
  const Trace recent = generate(small(Mix::recency));
  size_t young = 0;
  for (size_t i = 30'000; i < 40'000; ++i) young += recent.requests[i].id >= 5'000 ? 1 : 0;
  CHECK(young > 7'000);
}
