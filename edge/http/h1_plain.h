// The short way to read a request head: the plain ones, which are nearly all.
//
// A head is plain when it is complete, has GET or HEAD with a path for target, HTTP/1.1, one good Host, and
// nothing that frames content or changes the connection: no Content-Length, Transfer-Encoding, Upgrade,
// Expect, and no Connection but "keep-alive". Two readers of such a head cannot disagree about where it ends,
// so one reading by the grammar does, in one pass and without llhttp.
//
// Whatever is accepted here, parse_request_head_in_full() accepts with the same result; the fuzz target and
// the unit tests hold the two side by side.
//
// Thread rule: pure functions.
#pragma once

#include "edge/http/h1_reader.h"

namespace perigee::http {

// The bytes of the head that `bytes` begins with; 0 when it is not plain, not complete, or wrong in any way,
// and `head` is then meaningless.
size_t parse_plain_request_head(std::string_view bytes, const HeadLimits& limits, RequestHead& head);

// parse_request_head() without the short way.
HeadParse parse_request_head_in_full(std::string_view bytes, size_t scanned, const HeadLimits& limits,
                                     RequestHead& head);

}  // namespace perigee::http
