// The arithmetic of RFC 9111 4.2: how long a response is fresh and how old it already was when it arrived.
// Variables keep the RFC's names.
//
// Thread rule: pure functions; time is a parameter.
#pragma once

#include <cstdint>
#include <optional>

#include "edge/base/clock.h"
#include "edge/http/cache_control.h"
#include "edge/http/fields.h"

namespace perigee::cache {

// The Age field of a response (RFC 9111 5.1), in seconds.
struct AgeValue {
  int32_t seconds = 0;  // 0 when there is none
  bool trusted = true;  // false: there is one that says nothing certain, so the response must count as stale
};
// A list on one line with differing members is read by its first (RFC 9111 5.1). Anything else that is not
// one number on one line - several lines, the same number twice, no number - is not trusted: somebody added
// an age to an age.
AgeValue age_value(const http::FieldList& response);

// Date in seconds since the Unix epoch; response_time when it is absent or invalid.
int64_t date_value(const http::FieldList& response, WallTime response_time);

// RFC 9111 4.2.3, in seconds, at most 2^31-1. A clock that ran backwards between request and response counts
// as no delay, a Date in the future as no apparent age.
int32_t corrected_initial_age(int64_t age_value, int64_t date_value, WallTime request_time,
                              WallTime response_time);

// How long a response said it is fresh.
struct Lifetime {
  int32_t freshness_lifetime = 0;  // seconds
  bool is_explicit = false;        // s-maxage, max-age or Expires were there, however broken
};
// RFC 9111 4.2.1, for a shared cache: s-maxage, then max-age, then Expires minus date_value. What is broken
// or contradicts itself is explicit and 0. use_expires: false when a targeted field decides (RFC 9213 2.2).
Lifetime explicit_lifetime(const http::ResponseCacheControl& control, const http::FieldList& response,
                           int64_t date_value, int64_t now, bool use_expires);

// RFC 9111 4.2.2: a tenth of the time between Last-Modified and Date, at most max; nullopt without a usable
// Last-Modified.
std::optional<int32_t> heuristic_lifetime(const http::FieldList& response, int64_t date_value, int64_t now,
                                          int32_t max);

}  // namespace perigee::cache
