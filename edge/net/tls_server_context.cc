// Contexts for servers: which certificates for which host, chosen by SNI.
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rand.h>

#include <algorithm>
#include <array>
#include <map>
#include <unordered_map>

#include "edge/base/bytes.h"
#include "edge/net/tls_context.h"
#include "edge/net/tls_errors.h"
#include "edge/net/tls_handles.h"
#include "edge/net/tls_tickets.h"

namespace perigee::net {
namespace {

constexpr const char* ciphers_tls12 =
    "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-CHACHA20-POLY1305:"
    "ECDHE-RSA-CHACHA20-POLY1305:ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384";
constexpr const char* suites_tls13 =
    "TLS_AES_128_GCM_SHA256:TLS_CHACHA20_POLY1305_SHA256:TLS_AES_256_GCM_SHA384";
constexpr const char* groups = "X25519:P-256:P-384";
constexpr std::string_view session_scope = "perigee";

// The names of one handshake's OCSP responses: a context of ours by certificate.
using Staples = std::map<const X509*, std::string>;

struct HostContext {
  ContextHandle context;
  Staples staples;
};

tl::unexpected<Error> failed(std::string_view what) {
  return fail(Side::internal, "tls_context", std::string(what) + ": " + take_tls_reason());
}

int on_staple(SSL* session, void* argument) {
  const auto& staples = *static_cast<const Staples*>(argument);
  const auto found = staples.find(SSL_get_certificate(session));
  if (found == staples.end()) return SSL_TLSEXT_ERR_NOACK;
  const std::string& der = found->second;
  auto* copy = static_cast<unsigned char*>(OPENSSL_memdup(der.data(), der.size()));
  if (copy == nullptr) return SSL_TLSEXT_ERR_NOACK;
  SSL_set_tlsext_status_ocsp_resp(session, copy, static_cast<long>(der.size()));
  return SSL_TLSEXT_ERR_OK;
}

// RFC 7301. Without a protocol in common the handshake fails, rather than to speak what was not agreed.
int on_alpn(SSL*, const unsigned char** out, unsigned char* out_size, const unsigned char* in,
            unsigned in_size, void* argument) {
  static constexpr unsigned char with_http2[] = "\x02h2\x08http/1.1";
  static constexpr unsigned char without[] = "\x08http/1.1";
  const bool http2 = *static_cast<const bool*>(argument);
  const unsigned char* ours = http2 ? with_http2 : without;
  const unsigned ours_size = http2 ? sizeof with_http2 - 1 : sizeof without - 1;
  unsigned char* chosen = nullptr;
  const int result = SSL_select_next_proto(&chosen, out_size, ours, ours_size, in, in_size);
  *out = chosen;
  return result == OPENSSL_NPN_NEGOTIATED ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_ALERT_FATAL;
}

bool set_rules(SSL_CTX& context) {
  SSL_CTX_set_options(&context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
                                    SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA |
                                    SSL_OP_NO_ENCRYPT_THEN_MAC);
  SSL_CTX_set_mode(&context, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
                                 SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  SSL_CTX_set_session_cache_mode(&context, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_num_tickets(&context, 1);
  const auto* scope = reinterpret_cast<const unsigned char*>(session_scope.data());
  return SSL_CTX_set_min_proto_version(&context, TLS1_2_VERSION) == 1 &&
         SSL_CTX_set_cipher_list(&context, ciphers_tls12) == 1 &&
         SSL_CTX_set_ciphersuites(&context, suites_tls13) == 1 &&
         SSL_CTX_set1_groups_list(&context, groups) == 1 &&
         SSL_CTX_set_session_id_context(&context, scope, static_cast<unsigned>(session_scope.size())) == 1;
}

bool add_certificate(HostContext& host, const TlsCertificate& certificate) {
  SSL_CTX& context = *host.context;
  const BioHandle chain = bio_of(certificate.chain_pem);
  const CertificateHandle leaf(PEM_read_bio_X509(chain.get(), nullptr, nullptr, nullptr));
  const BioHandle key_text = bio_of(certificate.key_pem);
  const KeyHandle key(PEM_read_bio_PrivateKey(key_text.get(), nullptr, nullptr, nullptr));
  if (leaf == nullptr || key == nullptr) return false;
  if (SSL_CTX_use_certificate(&context, leaf.get()) != 1 || SSL_CTX_use_PrivateKey(&context, key.get()) != 1)
    return false;
  SSL_CTX_clear_chain_certs(&context);
  while (CertificateHandle next{PEM_read_bio_X509(chain.get(), nullptr, nullptr, nullptr)}) {
    if (SSL_CTX_add1_chain_cert(&context, next.get()) != 1) return false;
  }
  ERR_clear_error();
  if (!certificate.ocsp_der.empty()) host.staples[leaf.get()] = certificate.ocsp_der;
  return true;
}

bool demand_client_certificate(SSL_CTX& context, const std::string& authorities_pem) {
  const BioHandle bio = bio_of(authorities_pem);
  X509_STORE* store = SSL_CTX_get_cert_store(&context);
  size_t count = 0;
  while (CertificateHandle next{PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr)}) {
    if (X509_STORE_add_cert(store, next.get()) != 1 || SSL_CTX_add_client_CA(&context, next.get()) != 1)
      return false;
    ++count;
  }
  ERR_clear_error();
  SSL_CTX_set_verify(&context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
  return count > 0;
}

class ServerContext final : public TlsServerContext {
 public:
  explicit ServerContext(const TlsServerSettings& settings)
      : offer_http2_(settings.offer_http2), tickets_(settings.ticket_secrets) {}

  Result<void> fill(const TlsServerSettings& settings) {
    for (const TlsHost& host : settings.hosts) {
      auto made = context_of(host.certificates, settings);
      if (!made) return tl::unexpected(made.error());
      if (host.pattern == "*") {
        any_ = *made;
      } else if (host.pattern.starts_with("*.")) {
        wildcard_[host.pattern.substr(2)] = *made;
      } else {
        exact_[host.pattern] = *made;
      }
    }
    // Sessions begin in a context and are moved to the one of the host they name.
    auto front = make(any_ == nullptr ? TlsCertificates{} : any_certificates_, settings);
    if (!front) return tl::unexpected(front.error());
    front_ = std::move(*front);
    SSL_CTX_set_tlsext_servername_callback(front_->context.get(), on_server_name);
    SSL_CTX_set_tlsext_servername_arg(front_->context.get(), this);
    return {};
  }

  SSL* make_session() const override {
    SSL* session = SSL_new(front_->context.get());
    if (session != nullptr) SSL_set_accept_state(session);
    return session;
  }

 private:
  struct NameHash {
    using is_transparent = void;
    size_t operator()(std::string_view name) const { return std::hash<std::string_view>()(name); }
  };
  using ByName = std::unordered_map<std::string, SSL_CTX*, NameHash, std::equal_to<>>;

  Result<std::unique_ptr<HostContext>> make(const TlsCertificates& certificates,
                                            const TlsServerSettings& settings) {
    auto host = std::make_unique<HostContext>();
    host->context.reset(SSL_CTX_new(TLS_server_method()));
    if (host->context == nullptr || !set_rules(*host->context)) return failed("a TLS context");
    SSL_CTX& context = *host->context;
    for (const auto& certificate : certificates) {
      if (!add_certificate(*host, *certificate)) return failed("a certificate");
    }
    if (!settings.client_authorities_pem.empty() &&
        !demand_client_certificate(context, settings.client_authorities_pem))
      return failed("certificate authorities of clients");
    if (settings.ticket_secrets.empty()) {
      SSL_CTX_set_options(&context, SSL_OP_NO_TICKET);
      SSL_CTX_set_num_tickets(&context, 0);
    } else {
      tickets_.install(context);
    }
    SSL_CTX_set_alpn_select_cb(&context, on_alpn, const_cast<bool*>(&offer_http2_));
    SSL_CTX_set_tlsext_status_cb(&context, on_staple);
    SSL_CTX_set_tlsext_status_arg(&context, &host->staples);
    return host;
  }

  // One context per set of certificates, however many hosts share it.
  Result<SSL_CTX*> context_of(const TlsCertificates& certificates, const TlsServerSettings& settings) {
    auto& slot = by_certificates_[certificates];
    if (slot == nullptr) {
      auto made = make(certificates, settings);
      if (!made) return tl::unexpected(made.error());
      slot = std::move(*made);
    }
    if (any_certificates_.empty()) any_certificates_ = certificates;
    return slot->context.get();
  }

  SSL_CTX* find(std::string_view host) const {
    std::array<char, 255> buffer;
    if (host.ends_with('.')) host.remove_suffix(1);
    if (host.size() > buffer.size()) return any_;
    std::transform(host.begin(), host.end(), buffer.begin(), to_lower);
    std::string_view rest(buffer.data(), host.size());
    if (const auto found = exact_.find(rest); found != exact_.end()) return found->second;
    for (size_t dot = rest.find('.'); dot != std::string_view::npos; dot = rest.find('.')) {
      rest.remove_prefix(dot + 1);
      if (const auto found = wildcard_.find(rest); found != wildcard_.end()) return found->second;
    }
    return any_;
  }

  static int on_server_name(SSL* session, int* alert, void* argument) {
    const auto& self = *static_cast<const ServerContext*>(argument);
    const char* name = SSL_get_servername(session, TLSEXT_NAMETYPE_host_name);
    SSL_CTX* context = name == nullptr ? self.any_ : self.find(name);
    if (context == nullptr) {
      // RFC 6066 3: better no connection than one with a certificate for another name.
      *alert = SSL_AD_UNRECOGNIZED_NAME;
      return SSL_TLSEXT_ERR_ALERT_FATAL;
    }
    SSL_set_SSL_CTX(session, context);
    return SSL_TLSEXT_ERR_OK;
  }

  const bool offer_http2_;
  const TlsTicketKeys tickets_;
  std::map<TlsCertificates, std::unique_ptr<HostContext>> by_certificates_;
  TlsCertificates any_certificates_;
  std::unique_ptr<HostContext> front_;
  ByName exact_;
  ByName wildcard_;  // "example.org" for "*.example.org"
  SSL_CTX* any_ = nullptr;
};

}  // namespace

Result<std::shared_ptr<const TlsServerContext>> TlsServerContext::build(const TlsServerSettings& settings) {
  auto context = std::make_shared<ServerContext>(settings);
  if (auto filled = context->fill(settings); !filled) return tl::unexpected(filled.error());
  return std::shared_ptr<const TlsServerContext>(std::move(context));
}

std::string make_tls_secret() {
  Mac bytes{};
  if (RAND_bytes(bytes.data(), static_cast<int>(bytes.size())) != 1) return "";
  return to_hex(bytes);
}

}  // namespace perigee::net
