// Cache-Control of requests and responses (RFC 9111 5.2, 5861, 8246), and the targeted form (RFC 9213).
//
// All lines of the field count as one list. Names ignore case; an argument may be a token or a quoted string
// whichever the directive asks for; unknown directives are ignored. What cannot be understood makes a
// response less reusable, never more: a restricting directive with a broken argument restricts, a permitting
// one is ignored, and a lifetime that is broken or given twice with different values is `invalid` (RFC
// 9111 4.2.1).
//
// Thread rule: plain values; views point into the field values they were parsed from.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "edge/http/fields.h"

namespace perigee::http {

// RFC 9111 1.2.2: beyond it a number of seconds means this.
inline constexpr int32_t delta_seconds_max = 2147483647;

// One or more digits, saturating at delta_seconds_max; nullopt for anything else.
std::optional<int32_t> parse_delta_seconds(std::string_view text);

// The argument of a directive that takes seconds.
struct DeltaSeconds {
  enum class State : uint8_t { absent, valid, invalid };
  State state = State::absent;
  int32_t seconds = 0;

  bool present() const { return state != State::absent; }
  bool valid() const { return state == State::valid; }
};

struct ResponseCacheControl {
  bool no_store = false;
  bool no_cache = false;    // unqualified
  bool is_private = false;  // unqualified
  bool is_public = false;
  bool must_revalidate = false;
  bool proxy_revalidate = false;
  bool must_understand = false;
  bool no_transform = false;
  bool immutable = false;
  DeltaSeconds max_age;
  DeltaSeconds s_maxage;
  DeltaSeconds stale_while_revalidate;
  DeltaSeconds stale_if_error;
  // Names in no-cache="..." and private="...", in lower case.
  std::vector<std::string> no_cache_fields;
  std::vector<std::string> private_fields;
};

struct RequestCacheControl {
  bool no_store = false;
  bool no_cache = false;
  bool only_if_cached = false;
  bool no_transform = false;
  bool max_stale_any = false;  // max-stale without argument
  DeltaSeconds max_age;
  DeltaSeconds min_fresh;
  DeltaSeconds max_stale;
  DeltaSeconds stale_if_error;  // RFC 5861 section 4
};

ResponseCacheControl parse_response_cache_control(const FieldList& response);
RequestCacheControl parse_request_cache_control(const FieldList& request);

// Pragma: no-cache, alone or in a list (RFC 9111 5.4).
bool has_pragma_no_cache(const FieldList& request);

// A targeted field such as CDN-Cache-Control: a structured dictionary (RFC 9213 2.1). nullopt when it is
// absent, empty or no dictionary: then the next target, and in the end Cache-Control, decides.
std::optional<ResponseCacheControl> parse_targeted_cache_control(const FieldList& response,
                                                                 std::string_view name);

// Surrogate-Control (Edge Architecture Specification, W3C Note, 2001, section 2.4): no-store, no-store-remote
// (every node is remote) and max-age=FRESH[+STALE], the second number being seconds past freshness that
// validation may take. A directive with parameters ("max-age=60;name") counts only if one of them is
// `device`, and then before those without. nullopt when nothing in it is said to this device.
std::optional<ResponseCacheControl> parse_surrogate_control(const FieldList& response,
                                                            std::string_view device);

}  // namespace perigee::http
