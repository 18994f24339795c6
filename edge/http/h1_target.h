// The request line of HTTP/1.1: method, target in its four forms, version (RFC 9112 3).
//
// Thread rule: pure functions.
#pragma once

#include "edge/http/h1_lines.h"
#include "edge/http/h1_reader.h"

namespace perigee::http {

// A longer method is refused with 501 (RFC 9112 3).
inline constexpr size_t method_bytes_max = 32;

// line: without its CRLF, free of controls other than tab. Sets method, method_text, form, scheme, authority
// (of absolute-form and authority-form only), path and version_minor; target is the whole target as sent.
// Refuses with 400, 414, 421 (a scheme that is not http or https), 501 (a method too long, or one that is a
// known method but for its case: an upstream that ignores case would frame the answer by other rules) and
// 505.
Refusal parse_request_line(std::string_view line, const HeadLimits& limits, RequestHead& head,
                           std::string_view& target);

// The same of a method and a target that came apart, for HTTP/1.1. Neither holds a space, the target
// something.
Refusal parse_method_and_target(std::string_view method, std::string_view target, const HeadLimits& limits,
                                RequestHead& head);

// The limits of method and target on a request line whose end has not come. line: what there is of it;
// scanned: how much of that was there the call before.
Refusal check_unfinished_request_line(std::string_view line, size_t scanned, const HeadLimits& limits);

}  // namespace perigee::http
