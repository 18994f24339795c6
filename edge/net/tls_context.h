// What TLS sessions are made from: for servers certificates by host, ticket keys and rules; for clients whom
// to trust, what to show, and sessions to resume.
//
// Every worker has contexts of its own, built from the shared settings: OpenSSL counts references and takes
// locks in them. A session keeps the context it began with, so a reload changes nothing for connections that
// are up.
//
// Rules (RFC 9325): TLS 1.2 and 1.3 only, forward secrecy and authenticated encryption only, no compression,
// no renegotiation. A host's certificates may be of several key types; the client's abilities choose.
//
// Thread rule: built on any thread, then one worker's loop.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "edge/base/result.h"
#include "edge/net/tls_certificate.h"

typedef struct ssl_st SSL;

namespace perigee::net {

using TlsCertificates = std::vector<std::shared_ptr<const TlsCertificate>>;

// Clients of a host are asked for a certificate.
struct TlsClientRules {
  bool required = false;        // without one the handshake fails
  std::string authorities_pem;  // who may vouch for them; whatever else is shown ends the handshake
};

// The certificates of "example.org", of "*.example.org" (one or more labels), or of "*": every other name and
// clients that name none.
struct TlsHost {
  std::string pattern;
  TlsCertificates certificates;
  std::shared_ptr<const TlsClientRules> clients = nullptr;  // null: they are asked for nothing
};

// Shared by all workers; immutable once published.
struct TlsServerSettings {
  std::vector<TlsHost> hosts;
  std::vector<std::string> ticket_secrets;  // the first seals; empty: sessions are not resumed
  bool offer_http2 = true;
  // Accept what resuming clients send before the handshake is complete. Nothing here remembers what has been
  // said before: whoever reads it must do no harm by doing it again (RFC 8470).
  bool early_data = false;
};

class TlsServerContext {
 public:
  // Errors: internal, "tls_context"; only what read_tls_certificate() could not see.
  static Result<std::shared_ptr<const TlsServerContext>> build(const TlsServerSettings& settings);
  virtual ~TlsServerContext() = default;
  // A session for one connection; the caller frees it. Null when memory is out.
  virtual SSL* make_session() const = 0;

 protected:
  TlsServerContext() = default;
};

// Whom a client trusts.
struct TlsClientSettings {
  std::string authorities_pem;                        // empty: the system's
  std::shared_ptr<const TlsCertificate> certificate;  // shown when asked for; may be null
  bool offer_http2 = false;                           // before HTTP/1.1
  bool exact_names = false;                           // a wildcard in a certificate names nobody
};

// The same for settings that trust and show the same, different for all others: what connections and contexts
// are kept apart by. Hexadecimal digits; shows nothing of the key.
std::string identity_of(const TlsClientSettings& settings);

class TlsClientContext {
 public:
  static Result<std::shared_ptr<TlsClientContext>> build(const TlsClientSettings& settings);
  virtual ~TlsClientContext() = default;
  // A session that will only be established with whom can prove to be `name` (a DNS name or an IP address). A
  // session established before under the same resume_key is resumed if the server allows it.
  virtual SSL* make_session(const std::string& name, const std::string& resume_key) = 0;

 protected:
  TlsClientContext() = default;
};

// The library that is used, as it names itself, and when it was built, which is all that tells a version with
// faults mended by a distribution from one without: "OpenSSL 3.0.19 27 Jan 2026, built on: Fri Apr ...".
std::string tls_library();

// 64 random hexadecimal digits, for ticket keys that live as long as the process.
std::string make_tls_secret();

}  // namespace perigee::net
