// Conditional requests, from the side that owns the representation (RFC 9110 13).
//
// Pure. Thread rule: none.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "edge/http/message.h"

namespace perigee::origin {

struct Validators {
  std::string etag;                      // as in the field, quotes and W/ included; empty: none
  std::optional<int64_t> last_modified;  // seconds since the Unix epoch
};

enum class Precondition : uint8_t { proceed, not_modified, failed };

// RFC 9110 13.2.2, steps 1 to 4. now: seconds since the Unix epoch, for two-digit years.
Precondition check_preconditions(const http::RequestHead& request, const Validators& validators, int64_t now);

// Step 5: whether a Range field is to be honoured, going by If-Range (strong comparison, RFC 9110 13.1.5).
bool range_applies(const http::RequestHead& request, const Validators& validators, int64_t now);

}  // namespace perigee::origin
