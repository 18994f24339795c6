// What we agree to in a handshake, as a server and as a client: forward secrecy and authenticated encryption
// only (RFC 9325 4.2).
//
// Thread rule: constants.
#pragma once

#include <array>

namespace perigee::net {

inline constexpr const char* ciphers_tls12 =
    "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-CHACHA20-POLY1305:"
    "ECDHE-RSA-CHACHA20-POLY1305:ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384";

// As OpenSSL's providers name those of TLS 1.3.
inline constexpr std::array<const char*, 3> ciphers_tls13 = {"AES-128-GCM", "AES-256-GCM",
                                                             "ChaCha20-Poly1305"};

}  // namespace perigee::net
