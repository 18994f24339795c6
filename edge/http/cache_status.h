// One member of Cache-Status (RFC 9211): what this cache did with the request.
//
// It goes onto the answer as a field line of its own behind the lines that came from further upstream, so the
// list reads from the origin's side to the client's (RFC 9211 section 2).
//
// Thread rule: pure function on the caller's buffer; no allocation.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace perigee::http {

struct CacheStatus {
  std::string_view cache = {};      // who speaks: written as a token if it is one, else as a string
  bool hit = false;                 // answered without going forward; fwd must be empty then
  std::string_view fwd = {};        // why it went forward: a value of RFC 9211 2.2; empty: it did not
  int fwd_status = 0;               // status that came back; 0: none
  std::optional<int64_t> ttl = {};  // seconds of freshness left, negative when stale
  bool stored = false;
  bool collapsed = false;
  std::string_view key = {};     // empty: not told
  std::string_view detail = {};  // token or text; empty: none
};

inline constexpr size_t cache_status_bytes = 256;

// A view of what was written into out. What does not fit is left out parameter by parameter, the last ones
// first to suffer.
std::string_view write_cache_status(const CacheStatus& status, std::span<char> out);

}  // namespace perigee::http
