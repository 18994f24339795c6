// What decide() needs to know of a stored response, worked out once when its head arrived: a few numbers and
// flags, so that a hit parses no header field. Trivially copyable; the store keeps it and never looks inside.
//
// Names follow RFC 9111 section 4.2.
//
// Thread rule: plain value; immutable once stored.
#pragma once

#include <cstdint>

#include "edge/base/clock.h"

namespace perigee::cache {

struct ResponseMeta {
  enum Flag : uint16_t {
    must_revalidate = 1 << 0,  // also proxy-revalidate, and s-maxage (RFC 9111 5.2.2.10)
    no_cache = 1 << 1,         // unqualified: validate before every reuse
    has_etag = 1 << 2,
    strong_etag = 1 << 3,
    has_last_modified = 1 << 4,
    heuristic = 1 << 5,  // freshness_lifetime was guessed (RFC 9111 4.2.2)
    has_vary = 1 << 6,
    immutable = 1 << 7,     // RFC 8246
    hit_for_miss = 1 << 8,  // no response at all: remembers "do not wait, not storable"
    partial = 1 << 9,       // the body is sparse: not every byte is here (RFC 9111 3.3)
    hot_copy = 1 << 10,     // another node owns it; many ask for it here
  };

  // One word together, as a stored response keeps them in less.
  int64_t response_time_ms : 43 = 0;  // wall clock when the head was received; 139 years around 1970
  uint64_t status : 10 = 0;
  uint64_t flags : 11 = 0;
  int32_t corrected_initial_age = 0;   // seconds, RFC 9111 4.2.3
  int32_t freshness_lifetime = 0;      // seconds, RFC 9111 4.2.1
  int32_t stale_while_revalidate = 0;  // seconds past freshness (RFC 5861); 0: not allowed
  int32_t stale_if_error = 0;          // seconds past freshness (RFC 5861); 0: not allowed

  // A time before 1970 counts as 1970.
  void set_response_time(WallTime at) {
    const int64_t ms = at.time_since_epoch().count();
    response_time_ms = (ms > 0 ? ms : 0) & ((int64_t{1} << 42) - 1);
  }
  bool is(Flag flag) const { return (flags & flag) != 0; }
  void set(Flag flag, bool on) { flags = (on ? flags | flag : flags & ~uint64_t{flag}) & 0x7ff; }

  // RFC 9111 4.2.3, in seconds; a wall clock that went backwards counts as no time at all.
  int64_t current_age(WallTime now) const {
    const int64_t resident_ms = now.time_since_epoch().count() - response_time_ms;
    return corrected_initial_age + (resident_ms > 0 ? resident_ms / 1000 : 0);
  }
  // Seconds of freshness left; negative when stale.
  int64_t ttl(WallTime now) const { return freshness_lifetime - current_age(now); }
};

}  // namespace perigee::cache
