// Contexts for servers: which certificates for which host, chosen by SNI.
#include <openssl/rand.h>

#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <unordered_map>
#include <utility>

#include "edge/base/bytes.h"
#include "edge/net/tls_ciphers.h"
#include "edge/net/tls_context.h"
#include "edge/net/tls_errors.h"
#include "edge/net/tls_handles.h"
#include "edge/net/tls_pem.h"
#include "edge/net/tls_policy.h"
#include "edge/net/tls_tickets.h"

namespace perigee::net {
namespace {

constexpr const char* suites_tls13 =
    "TLS_AES_128_GCM_SHA256:TLS_CHACHA20_POLY1305_SHA256:TLS_AES_256_GCM_SHA384";
constexpr const char* groups = "X25519:P-256:P-384";
constexpr std::string_view session_scope = "perigee";
constexpr uint32_t early_data_bytes_max = 16 * 1024;

struct Staple {
  std::string der;
  WallTime until{};
};
// Those of a context, by certificate.
using Staples = std::map<const X509*, Staple>;

struct HostContext {
  ContextHandle context;
  Staples staples;
  bool asks_clients = false;  // for certificates
};

int on_staple(SSL* session, void* argument) {
  const auto& staples = *static_cast<const Staples*>(argument);
  const auto found = staples.find(SSL_get_certificate(session));
  if (found == staples.end()) return SSL_TLSEXT_ERR_NOACK;
  // A client refuses a response that has ended, where it would have gone on without one.
  const auto now = std::chrono::floor<WallTime::duration>(std::chrono::system_clock::now());
  if (now.time_since_epoch() >= found->second.until.time_since_epoch()) return SSL_TLSEXT_ERR_NOACK;
  const std::string& der = found->second.der;
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
  // A record is fetched from the transport at once, and not its head first.
  SSL_CTX_set_read_ahead(&context, 1);
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
  if (!use_certificate(*host.context, certificate)) return false;
  if (!certificate.ocsp_der.empty())
    host.staples[SSL_CTX_get0_certificate(host.context.get())] = {certificate.ocsp_der,
                                                                  certificate.ocsp_until};
  return true;
}

bool ask_clients(SSL_CTX& context, const TlsClientRules& rules) {
  const auto authorities = read_certificates(rules.authorities_pem);
  if (!authorities) return false;
  X509_STORE* store = SSL_CTX_get_cert_store(&context);
  for (const CertificateHandle& each : *authorities) {
    if (X509_STORE_add_cert(store, each.get()) != 1 || SSL_CTX_add_client_CA(&context, each.get()) != 1)
      return false;
  }
  SSL_CTX_set_verify(&context, SSL_VERIFY_PEER | (rules.required ? SSL_VERIFY_FAIL_IF_NO_PEER_CERT : 0),
                     nullptr);
  return !authorities->empty();
}

// The name in a ClientHello (RFC 6066 3); nullopt when there is none, empty when it cannot be read.
std::optional<std::string_view> name_in_hello(SSL* session) {
  const unsigned char* bytes = nullptr;
  size_t size = 0;
  if (SSL_client_hello_get0_ext(session, TLSEXT_TYPE_server_name, &bytes, &size) != 1) return std::nullopt;
  const std::string_view extension(reinterpret_cast<const char*>(bytes), size);
  constexpr size_t header_bytes = 5;  // length of the list, type and length of its first name
  if (size < header_bytes || bytes[2] != TLSEXT_NAMETYPE_host_name) return std::string_view();
  const size_t length = size_t{bytes[3]} << 8 | bytes[4];
  if (size - header_bytes < length) return std::string_view();
  return extension.substr(header_bytes, length);
}

class ServerContext final : public TlsServerContext {
 public:
  explicit ServerContext(const TlsServerSettings& settings)
      : offer_http2_(settings.offer_http2), tickets_(settings.ticket_secrets) {}

  Result<void> fill(const TlsServerSettings& settings) {
    for (const TlsHost& host : settings.hosts) {
      auto made = context_of(host, settings);
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
    front_ = any_;
    if (front_ != nullptr && !front_->asks_clients) return {};
    auto made = context_of(
        {"", settings.hosts.empty() ? TlsCertificates{} : settings.hosts.front().certificates}, settings);
    if (!made) return tl::unexpected(made.error());
    front_ = *made;
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
  using ByName = std::unordered_map<std::string, const HostContext*, NameHash, std::equal_to<>>;
  using Rules = std::pair<TlsCertificates, std::shared_ptr<const TlsClientRules>>;

  Result<std::unique_ptr<HostContext>> make(const TlsHost& from, const TlsServerSettings& settings) {
    auto host = std::make_unique<HostContext>();
    host->context.reset(SSL_CTX_new_ex(nullptr, tls_cipher_properties(), TLS_server_method()));
    if (host->context == nullptr || !set_rules(*host->context)) return context_failed("a TLS context");
    SSL_CTX& context = *host->context;
    for (const auto& certificate : from.certificates) {
      if (!add_certificate(*host, *certificate)) return context_failed("a certificate");
    }
    host->asks_clients = from.clients != nullptr;
    if (host->asks_clients && !ask_clients(context, *from.clients))
      return context_failed("certificate authorities of clients");
    if (settings.ticket_secrets.empty()) {
      SSL_CTX_set_options(&context, SSL_OP_NO_TICKET);
      SSL_CTX_set_num_tickets(&context, 0);
    } else {
      tickets_.install(context);
      // Tickets are not remembered, so that nothing could tell that one comes a second time. OpenSSL still
      // refuses early data whose ticket is not as old as the client says, to 10 s.
      if (settings.early_data) {
        SSL_CTX_set_max_early_data(&context, early_data_bytes_max);
        SSL_CTX_set_options(&context, SSL_OP_NO_ANTI_REPLAY);
      }
    }
    // Before anything else is read: whether a session may be resumed, and what a client must show, depends on
    // the host. Later is too late, as a session begun with another host would be resumed unasked. A second
    // ClientHello, after a retry, is read by the context that the first one has chosen.
    SSL_CTX_set_client_hello_cb(&context, on_client_hello, this);
    SSL_CTX_set_tlsext_servername_callback(&context, on_server_name);
    SSL_CTX_set_alpn_select_cb(&context, on_alpn, const_cast<bool*>(&offer_http2_));
    SSL_CTX_set_tlsext_status_cb(&context, on_staple);
    SSL_CTX_set_tlsext_status_arg(&context, &host->staples);
    return host;
  }

  // One context per set of certificates and rules, however many hosts share it.
  Result<const HostContext*> context_of(const TlsHost& host, const TlsServerSettings& settings) {
    auto& slot = contexts_[{host.certificates, host.clients}];
    if (slot == nullptr) {
      auto made = make(host, settings);
      if (!made) return tl::unexpected(made.error());
      slot = std::move(*made);
    }
    return slot.get();
  }

  const HostContext* find(std::string_view host) const {
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

  static int on_client_hello(SSL* session, int* alert, void* argument) {
    const auto& self = *static_cast<const ServerContext*>(argument);
    const std::optional<std::string_view> name = name_in_hello(session);
    const HostContext* host = name ? self.find(*name) : self.any_;
    if (host == nullptr) {
      // RFC 6066 3: better no connection than one with a certificate for another name.
      *alert = SSL_AD_UNRECOGNIZED_NAME;
      return SSL_CLIENT_HELLO_ERROR;
    }
    SSL_CTX* context = host->context.get();
    if (SSL_get_SSL_CTX(session) != context) SSL_set_SSL_CTX(session, context);
    if (host->asks_clients) {
      // Who a client is must be proven anew each time: a ticket outlives its certificate and what vouched for
      // it, and does not carry the chain.
      SSL_set_verify(session, SSL_CTX_get_verify_mode(context), nullptr);
      SSL_set_options(session, SSL_OP_NO_TICKET);
      SSL_set_num_tickets(session, 0);
    }
    return SSL_CLIENT_HELLO_SUCCESS;
  }

  // The host has been chosen; that it was is acknowledged, and kept with a session of TLS 1.2.
  static int on_server_name(SSL* session, int*, void*) {
    const bool named = SSL_get_servername(session, TLSEXT_NAMETYPE_host_name) != nullptr;
    return named ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_NOACK;
  }

  const bool offer_http2_;
  const TlsTicketKeys tickets_;
  std::map<Rules, std::unique_ptr<HostContext>> contexts_;
  const HostContext* front_ = nullptr;
  ByName exact_;
  ByName wildcard_;  // "example.org" for "*.example.org"
  const HostContext* any_ = nullptr;
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
