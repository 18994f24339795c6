// The /metrics page: Prometheus text format 0.0.4 from the metric table and the shards of all threads.
//
// Thread rule: any thread; shards are read while their threads write them.
#pragma once

#include <span>
#include <string>

#include "edge/base/metrics.h"

namespace perigee::control {

inline constexpr std::string_view metrics_content_type = "text/plain; version=0.0.4; charset=utf-8";

// HELP and TYPE once a name, then a line for each set of labels: the sum over the shards.
std::string metrics_text(std::span<const MetricShard* const> shards);

}  // namespace perigee::control
