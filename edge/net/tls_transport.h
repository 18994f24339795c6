// The transport that OpenSSL sees: reads take from a view of received bytes, writes append to a string. It
// never blocks a write, and a read only when the view is used up.
//
// Internal to edge/net/tls*. Thread rule: one loop.
#pragma once

#include <openssl/bio.h>

#include <string>
#include <string_view>

namespace perigee::net {

struct TlsTransport {
  std::string_view input;         // received and not opened yet
  bool starved = false;           // a read found it used up; whoever asks clears it before
  std::string* output = nullptr;  // records that were made
};

BIO_METHOD* make_tls_transport_method();
// A BIO on the transport, which must outlive it. Null when memory is out.
BIO* make_tls_transport(BIO_METHOD* method, TlsTransport& transport);

}  // namespace perigee::net
