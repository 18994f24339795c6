// The reference pages that are made from the tables in code: docs/CONFIG.md and docs/METRICS.md.
//
// Thread rule: pure functions.
#pragma once

#include <string>

namespace perigee::control {

// Markdown, as `perigee-edge --print-config-doc` and `--print-metrics-doc` print it.
std::string config_reference();
std::string metrics_reference();

}  // namespace perigee::control
