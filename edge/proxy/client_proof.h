// What a client's TLS connection says of its request: who it is, and whether it may be a replay. For the
// request that goes upstream.
//
// Thread rule: plain value; the function is pure.
#pragma once

#include <string>

#include "edge/net/stream.h"

namespace perigee::proxy {

struct ClientProof {
  // Values of Client-Cert and Client-Cert-Chain (RFC 9440); empty: it has not shown a certificate.
  std::string certificate;
  std::string chain;
  // RFC 8470: the handshake was not complete when the request came.
  bool early = false;
};

// facts: null without TLS. asked: the site asks its clients for certificates; else none is passed on.
ClientProof proof_of(const net::TlsFacts* facts, bool asked);

}  // namespace perigee::proxy
