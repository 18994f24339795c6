// Keys of session tickets (RFC 5077, RFC 8446 4.6.1): a server that keeps nothing lets the client keep its
// session, sealed. The first key seals; every key opens, so that keys can be changed one after the other.
// Nodes that hold the same secrets resume each other's sessions.
//
// Internal to edge/net/tls*. Thread rule: immutable once made.
#pragma once

#include <openssl/ssl.h>

#include <string>
#include <string_view>
#include <vector>

#include "edge/base/mac.h"

namespace perigee::net {

struct TlsTicketKey {
  Mac name;  // its first 16 bytes name the key within a ticket
  Mac cipher;
  Mac seal;
};

class TlsTicketKeys {
 public:
  // secrets: at least one, of 32 bytes or more each. What is used for naming, encrypting and authenticating
  // is derived from each.
  explicit TlsTicketKeys(const std::vector<std::string>& secrets);

  // Makes the context seal and open its tickets with these keys, which must outlive it.
  void install(SSL_CTX& context) const;
  // From the context's sessions: the keys that install() gave.
  static const TlsTicketKeys* of(SSL* session);

  const TlsTicketKey& newest() const { return keys_.front(); }
  // Null when no key has that name.
  const TlsTicketKey* find(const unsigned char* name) const;

 private:
  std::vector<TlsTicketKey> keys_;
};

}  // namespace perigee::net
