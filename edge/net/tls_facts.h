// What a session has agreed on and who is at its other end, as values. Internal to edge/net/tls*.
//
// Thread rule: the session's.
#pragma once

#include <openssl/ssl.h>

#include "edge/net/stream.h"

namespace perigee::net {

// Of a session whose handshake is complete, or has come as far as early data.
TlsFacts facts_of(SSL* session);

}  // namespace perigee::net
