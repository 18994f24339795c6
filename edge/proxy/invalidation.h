// Invalidation (RFC 9111 4.4): a non-error answer to an unsafe method removes what is stored of its URL, and
// of the URLs in its Location and Content-Location that have the same origin.
//
// Which keys those are. What is done about them, here and on other nodes: peer_invalidator.h.
//
// Thread rule: pure functions.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "edge/http/message.h"

namespace perigee::proxy {

// A URI reference in an answer under this cache key (RFC 3986 5.2) as a cache key, in out. False when it is
// of another origin or not an http URL.
bool resolve_same_origin(std::string_view key, std::string_view reference, std::string& out);

// Nothing for a safe method or an error status.
std::vector<std::string> invalidated_keys(std::string_view key, http::Method method,
                                          const http::ResponseHead& response);

}  // namespace perigee::proxy
