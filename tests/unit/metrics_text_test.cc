#include "edge/control/metrics_text.h"

#include <catch2/catch_test_macros.hpp>
#include <fstream>
#include <map>
#include <set>
#include <sstream>

#include "edge/control/reference_docs.h"

using namespace perigee;
using namespace perigee::control;

namespace {

std::string text_of(std::initializer_list<const MetricShard*> shards) {
  const std::vector<const MetricShard*> list(shards);
  return metrics_text(list);
}

bool has_line(const std::string& text, const std::string& line) {
  return ("\n" + text).find("\n" + line + "\n") != std::string::npos;
}

}  // namespace

TEST_CASE("a metric is the sum over the shards", "[metrics]") {
  MetricShard a;
  MetricShard b;
  a.add(Metric::requests, 3);
  b.add(Metric::requests, 4);
  b.add(Metric::requests_hit, 2);
  const std::string text = text_of({&a, &b});
  CHECK(has_line(text, "perigee_requests_total 7"));
  CHECK(has_line(text, "perigee_responses_total{result=\"hit\"} 2"));
  CHECK(has_line(text, "perigee_responses_total{result=\"miss\"} 0"));
}

TEST_CASE("HELP and TYPE come once a name, before its values", "[metrics]") {
  MetricShard shard;
  std::istringstream lines(text_of({&shard}));
  std::map<std::string, int> types;
  std::set<std::string> helped;
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line);
    std::string first, second, name;
    words >> first;
    if (first == "#") {
      words >> second >> name;
      if (second == "TYPE") ++types[name];
      if (second == "HELP") helped.insert(name);
      continue;
    }
    name = first.substr(0, first.find('{'));
    INFO(line);
    CHECK(types[name] == 1);
    CHECK(helped.count(name) == 1);
  }
  CHECK(types.size() > 20);
}

TEST_CASE("a gauge taken apart by two threads is never shown below zero", "[metrics]") {
  MetricShard opened;
  MetricShard closed;
  closed.subtract(Metric::connections_open, 1);
  CHECK(has_line(text_of({&opened, &closed}), "perigee_connections_open 0"));
  opened.add(Metric::connections_open, 3);
  CHECK(has_line(text_of({&opened, &closed}), "perigee_connections_open 2"));
}

TEST_CASE("docs/METRICS.md is what the table makes", "[metrics]") {
  std::ifstream in(std::string(PERIGEE_SOURCE_DIR) + "/docs/METRICS.md", std::ios::binary);
  std::stringstream bytes;
  bytes << in.rdbuf();
  CHECK(bytes.str() == metrics_reference());
}
