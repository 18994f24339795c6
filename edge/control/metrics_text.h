// The /metrics page: Prometheus text format 0.0.4 from the metric tables and the shards of all threads.
//
// Thread rule: any thread; shards are read while their threads write them.
#pragma once

#include <span>
#include <string>

#include "edge/base/metrics.h"
#include "edge/proxy/traffic.h"

namespace perigee::control {

inline constexpr std::string_view metrics_content_type = "text/plain; version=0.0.4; charset=utf-8";

// HELP and TYPE once a name, then a line for each set of labels: the sum over the shards.
std::string metrics_text(std::span<const MetricShard* const> shards);
// The same for what is told apart by site and by upstream (traffic_families). Of what has a line for each
// reason or status only those that have been seen are there.
std::string traffic_text(std::span<const proxy::TrafficShard* const> shards);

struct TrafficFamily {
  std::string_view name;  // of a histogram: without _bucket, _sum and _count
  std::string_view labels;
  std::string_view kind;
  std::string_view help;
};
std::span<const TrafficFamily> traffic_families();

}  // namespace perigee::control
