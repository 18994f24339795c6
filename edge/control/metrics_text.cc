#include "edge/control/metrics_text.h"

#include <fmt/format.h>

#include <algorithm>

namespace perigee::control {
namespace {

uint64_t sum(std::span<const MetricShard* const> shards, Metric metric) {
  uint64_t total = 0;
  for (const MetricShard* shard : shards) total += shard->read(metric);
  return total;
}

// A gauge whose parts are read at slightly different moments can seem to be below zero.
uint64_t shown(const MetricInfo& metric, uint64_t value) {
  const bool negative = static_cast<int64_t>(value) < 0;
  return metric.kind == MetricKind::gauge && negative ? 0 : value;
}

void append_header(std::string& text, const MetricInfo& metric) {
  const std::string_view kind = metric.kind == MetricKind::counter ? "counter" : "gauge";
  fmt::format_to(std::back_inserter(text), "# HELP {} {}\n# TYPE {} {}\n", metric.name, metric.help,
                 metric.name, kind);
}

}  // namespace

std::string metrics_text(std::span<const MetricShard* const> shards) {
  std::string text;
  std::string_view name;
  for (const MetricInfo& metric : metric_table) {
    if (metric.name != name) append_header(text, metric);
    name = metric.name;
    const uint64_t value = shown(metric, sum(shards, metric.id));
    if (metric.labels.empty()) {
      fmt::format_to(std::back_inserter(text), "{} {}\n", metric.name, value);
    } else {
      fmt::format_to(std::back_inserter(text), "{}{{{}}} {}\n", metric.name, metric.labels, value);
    }
  }
  return text;
}

}  // namespace perigee::control
