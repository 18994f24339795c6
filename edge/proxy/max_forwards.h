// Max-Forwards (RFC 9110 7.6.2): how many more servers an OPTIONS may go through, so that somebody can ask
// each server of a chain what it is.
//
// Thread rule: pure functions.
#pragma once

#include <cstdint>
#include <optional>

#include "edge/http/message.h"

namespace perigee::proxy {

// What the request says; nullopt where it says nothing. Looked at for OPTIONS only: TRACE is refused before,
// and for other methods the field means nothing. A value that is not a number counts as absent, as an
// intermediary cannot count it down; one that is too large for 64 bits also does.
std::optional<uint64_t> max_forwards(const http::RequestHead& request);

}  // namespace perigee::proxy
