// The arithmetic behind a decision about a stored response, line by line in the RFC's words, for people. It
// is worked out from the stored head and metadata with the functions that judged them.
//
// Thread rule: pure functions.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "edge/base/clock.h"
#include "edge/cache/policy.h"
#include "edge/http/fields.h"

namespace perigee::cache {

struct SumLine {
  std::string_view name;  // of RFC 9111 4.2
  int64_t value = 0;      // seconds; points in time since the Unix epoch
  std::string from;       // how it comes about
};

// stored: the fields of the stored head. The last two lines are freshness_lifetime and what is left of it, by
// which decide() went.
std::vector<SumLine> freshness_sum(const http::FieldList& stored, const ResponseMeta& meta, WallTime now,
                                   const PolicyOptions& options);

}  // namespace perigee::cache
