// The reference pages that are made from the tables in code: docs/CONFIG.md, docs/METRICS.md and
// docs/openapi.json.
//
// Thread rule: pure functions.
#pragma once

#include <string>

namespace perigee::control {

// Markdown, as `perigee-edge --print-config-doc` and `--print-metrics-doc` print it.
std::string config_reference();
std::string metrics_reference();
// The pages of the admin listener as OpenAPI 3.1, in JSON, as `--print-openapi` prints it.
std::string openapi_reference();

}  // namespace perigee::control
