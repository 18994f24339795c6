// Conditional requests (RFC 9110 section 13) against the validators of one representation.
//
// Thread rule: pure functions; views belong to the caller.
#pragma once

#include <cstdint>
#include <string_view>

#include "edge/http/entity_tag.h"
#include "edge/http/message.h"

namespace perigee::http {

// Of the representation that would be sent: field values as stored, empty without one.
struct Validators {
  std::string_view etag;
  std::string_view last_modified;
  std::string_view date;
};
Validators validators_of(const FieldList& response);

// A cache ignores If-Match and If-Unmodified-Since (RFC 9111 4.3.2); an origin evaluates them.
enum class Evaluator : uint8_t { cache, origin };

enum class Precondition : uint8_t {
  proceed,       // as if the request had no condition
  not_modified,  // 304
  failed,        // 412
};

// In the order of RFC 9110 13.2.2. Call only when the answer would be 2xx otherwise. now: seconds since the
// Unix epoch. A date that is none is ignored; a list of entity-tags counts up to the first thing that is
// none. An If-None-Match that is byte for byte the stored entity-tag matches even when neither is
// well-formed. Without Last-Modified, Date stands in for it (RFC 9111 4.3.2).
Precondition evaluate_conditions(const RequestHead& request, const Validators& validators,
                                 Evaluator evaluator, int64_t now);

// If-Match and If-Unmodified-Since alone (steps 1 and 2 of RFC 9110 13.2.2): true without them. A cache gives
// no 412, but it may leave such a condition to the origin when what it has stored would not meet it.
bool meets_origin_conditions(const RequestHead& request, const Validators& validators, int64_t now);

// Does Range apply (RFC 9110 13.1.5)? True without If-Range; else only when it names the strong validator of
// what is stored: the same strong entity-tag, or the same Last-Modified if that is older than Date.
bool if_range_matches(const RequestHead& request, const Validators& validators, int64_t now);

}  // namespace perigee::http
