// What a run shows to people: how much there was, percentiles, and their curve.
//
// Thread rule: pure functions.
#pragma once

#include <string>

#include "bench/load/tally.h"

namespace perigee::load {

// Several lines, the chart included; latencies of an open loop count from when a request was due.
std::string summary(const Tally& tally, double seconds, bool open_loop);

// The curve alone: a line per share, a bar on a logarithmic scale.
std::string latency_chart(const Histogram& latency);

}  // namespace perigee::load
