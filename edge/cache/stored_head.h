// Heads as they are stored: "HTTP/1.1 <status> <reason>" and field lines with lower-case names, each ended by
// CRLF, without blank line. Made from a response head, freshened by a 304, and read back.
//
// What is always true of a stored head: no field that belongs to one connection (RFC 9111 3.1: Connection and
// what it names, Proxy-* fields of authentication, Keep-Alive, TE, Trailer, Transfer-Encoding, Upgrade), none
// of the fields by which peers talk to each other, no Content-Length (the body knows), no Age (the metadata
// knows), and a Date (RFC 9110 6.6.1).
//
// Thread rule: pure functions; views point into the lines they were read from.
#pragma once

#include <string>
#include <string_view>

#include "edge/base/clock.h"
#include "edge/cache/policy.h"
#include "edge/http/message.h"

namespace perigee::cache {

// The head for everybody: also without the fields that qualified private="..." and no-cache="..." name, which
// a shared cache must not store or must not reuse (RFC 9111 5.2.2.7 and 5.2.2.4). out is cleared first.
// options: which targeted fields count.
void write_stored_head(const http::ResponseHead& response, WallTime response_time,
                       const PolicyOptions& options, std::string& out);
// The head for the client whose request fetched it, and for answers that are not stored: those fields stay.
void write_forwarded_head(const http::ResponseHead& response, WallTime response_time, std::string& out);
// Do the two differ? When not, one serves as both.
bool has_qualified_fields(const http::ResponseHead& response, const PolicyOptions& options);

// Status, reason and fields of a stored head.
http::ResponseHead read_stored_head(std::string_view lines);

// Does a 304 (or the answer to HEAD) with these fields speak of the stored response (RFC 9111 4.3.4)? Not
// when it names a strong validator that the stored response does not have, a different weak entity-tag, or,
// without entity-tag, a different Last-Modified. Without validators it does: it answers the one question that
// was asked.
bool identifies(std::string_view stored, const http::FieldList& update);
// What the answer to HEAD says of the stored response of that body length (RFC 9111 4.3.5): it may be
// freshened, it is out of date, or nothing at all. Without a validator in common a new version of the same
// length looks like the old one, and its fields must not come before the old content; the RFC would have it
// freshened.
enum class HeadSays : uint8_t { confirms, contradicts, nothing };
HeadSays head_says(std::string_view stored, uint64_t body_bytes, const http::ResponseHead& head);

// The stored head with the fields of a 304 or HEAD answer in place of its own (RFC 9111 3.2). Kept as stored:
// what describes the stored bytes, that is content-encoding, content-range, content-md5, content-digest,
// repr-digest and an entity-tag that is there already. Without Date in the update its arrival is the Date.
// out is cleared first and must not hold `stored`.
void update_stored_head(std::string_view stored, const http::FieldList& update, WallTime response_time,
                        const PolicyOptions& options, std::string& out);

// Judges a head that update_stored_head() made, as judge_response() does a new one: the metadata starts anew
// from the update's Age, Date and times. Not storable: serve it this once and forget it.
Storability judge_updated(const http::RequestHead& request, const RequestPolicy& request_policy,
                          std::string_view updated_lines, const http::FieldList& update,
                          WallTime request_time, WallTime response_time, const PolicyOptions& options);

}  // namespace perigee::cache
