// Invalidation (RFC 9111 4.4): a non-error answer to an unsafe method removes what is stored of its URL, and
// of the URLs in its Location and Content-Location that have the same origin.
//
// It reaches this node's store only, and a GET that was under way before may still be stored after it.
//
// Thread rule: any worker.
#pragma once

#include <string>
#include <string_view>

#include "edge/cache/store.h"
#include "edge/http/message.h"

namespace perigee::proxy {

// A URI reference in an answer under this cache key (RFC 3986 5.2) as a cache key, in out. False when it is
// of another origin or not an http URL.
bool resolve_same_origin(std::string_view key, std::string_view reference, std::string& out);

// Does nothing for a safe method or an error status. Call it before the answer is passed on.
void invalidate(cache::Store& store, std::string_view key, http::Method method,
                const http::ResponseHead& response);

}  // namespace perigee::proxy
