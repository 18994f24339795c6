#include "edge/net/tls_facts.h"

#include <openssl/crypto.h>
#include <openssl/x509v3.h>

#include <cstring>

#include "edge/net/tls_context.h"

namespace perigee::net {
namespace {

std::vector<std::string> dns_names(X509* certificate) {
  std::vector<std::string> names;
  if (certificate == nullptr) return names;
  auto* list =
      static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr));
  for (int i = 0; list != nullptr && i < sk_GENERAL_NAME_num(list); ++i) {
    const GENERAL_NAME* name = sk_GENERAL_NAME_value(list, i);
    if (name->type != GEN_DNS) continue;
    const auto* data = reinterpret_cast<const char*>(ASN1_STRING_get0_data(name->d.dNSName));
    names.emplace_back(data, static_cast<size_t>(ASN1_STRING_length(name->d.dNSName)));
  }
  GENERAL_NAMES_free(list);
  return names;
}

std::string der_of(X509* certificate) {
  unsigned char* bytes = nullptr;
  const int size = i2d_X509(certificate, &bytes);
  if (size <= 0) return "";
  std::string der(reinterpret_cast<const char*>(bytes), static_cast<size_t>(size));
  OPENSSL_free(bytes);
  return der;
}

}  // namespace

TlsFacts facts_of(SSL* session) {
  TlsFacts facts;
  if (const char* name = SSL_get_servername(session, TLSEXT_NAMETYPE_host_name)) facts.server_name = name;
  const unsigned char* protocol = nullptr;
  unsigned size = 0;
  SSL_get0_alpn_selected(session, &protocol, &size);
  facts.http2 = size == 2 && std::memcmp(protocol, "h2", 2) == 0;
  facts.resumed = SSL_session_reused(session) == 1;
  facts.version = SSL_get_version(session);
  if (SSL_get_verify_result(session) != X509_V_OK) return facts;
  X509* certificate = SSL_get0_peer_certificate(session);
  facts.peer_names = dns_names(certificate);
  if (certificate == nullptr || SSL_is_server(session) == 0) return facts;
  facts.client_certificate = der_of(certificate);
  // On this side the chain is what stands above the certificate.
  const STACK_OF(X509)* chain = SSL_get_peer_cert_chain(session);
  for (int i = 0; chain != nullptr && i < sk_X509_num(chain); ++i)
    facts.client_chain.push_back(der_of(sk_X509_value(chain, i)));
  return facts;
}

std::string tls_library() {
  return std::string(OpenSSL_version(OPENSSL_VERSION)) + ", " + OpenSSL_version(OPENSSL_BUILT_ON);
}

}  // namespace perigee::net
