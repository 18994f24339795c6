// The transport that OpenSSL sees: reads take from a view of received bytes, writes append to a string. It
// never blocks a write, and a read only when the view is used up.
//
// Internal to edge/net/tls*. Thread rule: one loop.
#pragma once

#include <openssl/bio.h>
#include <openssl/ssl.h>

#include <cstdint>
#include <string>
#include <string_view>

namespace perigee::net {

struct TlsTransport {
  std::string_view input;         // received and not opened yet
  bool starved = false;           // a read found it used up; whoever asks clears it before
  bool settled = false;           // the handshake is complete
  uint32_t steps = 0;             // of handshakes behind it, see limit_tls_steps()
  std::string* output = nullptr;  // records that were made
};

BIO_METHOD* make_tls_transport_method();
// OpenSSL obeys every message of a handshake that comes behind it, however many do (updates of keys, tickets,
// hellos), and answers in the same call: 20 us of ours for 27 bytes. With this, a session over a transport
// stops soon after tls_steps_max steps, which are three to five for each such message, and a server behind a
// hello of TLS 1.2 at once; `steps` is beyond it then. Whoever owns the transport sets `settled` and takes
// back what is earned.
inline constexpr uint32_t tls_steps_max = 100;
void limit_tls_steps(SSL& session);
// A BIO on the transport, which must outlive it. Null when memory is out.
BIO* make_tls_transport(BIO_METHOD* method, TlsTransport& transport);

}  // namespace perigee::net
