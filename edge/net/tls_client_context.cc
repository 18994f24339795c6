// Contexts for clients: whom to trust, what to show, sessions to resume.
#include <openssl/x509v3.h>

#include "edge/base/mac.h"
#include "edge/net/address.h"
#include "edge/net/tls_ciphers.h"
#include "edge/net/tls_context.h"
#include "edge/net/tls_errors.h"
#include "edge/net/tls_handles.h"
#include "edge/net/tls_pem.h"
#include "edge/net/tls_policy.h"
#include "edge/net/tls_resumption.h"

namespace perigee::net {
namespace {

bool trust(SSL_CTX& context, const std::string& authorities_pem) {
  if (authorities_pem.empty()) return SSL_CTX_set_default_verify_paths(&context) == 1;
  const auto authorities = read_certificates(authorities_pem);
  if (!authorities) return false;
  for (const CertificateHandle& each : *authorities) {
    if (X509_STORE_add_cert(SSL_CTX_get_cert_store(&context), each.get()) != 1) return false;
  }
  return !authorities->empty();
}

class ClientContext final : public TlsClientContext {
 public:
  Result<void> fill(const TlsClientSettings& settings) {
    offer_http2_ = settings.offer_http2;
    exact_names_ = settings.exact_names;
    context_.reset(SSL_CTX_new_ex(nullptr, tls_cipher_properties(), TLS_client_method()));
    SSL_CTX* context = context_.get();
    if (context == nullptr || SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION) != 1 ||
        SSL_CTX_set_cipher_list(context, ciphers_tls12) != 1)
      return context_failed("a TLS context");
    if (!trust(*context, settings.authorities_pem)) return context_failed("certificate authorities");
    if (settings.certificate != nullptr && !use_certificate(*context, *settings.certificate))
      return context_failed("a certificate");
    SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
    // A record is fetched from the transport at once, and not its head first.
    SSL_CTX_set_read_ahead(context, 1);
    SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
                                  SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nullptr);
    SSL_CTX_set_app_data(context, this);
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
    SSL_CTX_sess_set_new_cb(context, on_new_session);
    return {};
  }

  SSL* make_session(const std::string& name, const std::string& resume_key) override {
    SSL* session = SSL_new(context_.get());
    if (session == nullptr) return nullptr;
    SSL_set_connect_state(session);
    bool named = true;
    if (Address::parse_ip(name, 1)) {
      named = X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(session), name.c_str()) == 1;
    } else {
      SSL_set_hostflags(session,
                        exact_names_ ? X509_CHECK_FLAG_NO_WILDCARDS : X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
      named =
          SSL_set1_host(session, name.c_str()) == 1 && SSL_set_tlsext_host_name(session, name.c_str()) == 1;
    }
    static constexpr unsigned char with_http2[] = "\x02h2\x08http/1.1";
    static constexpr unsigned char http1[] = "\x08http/1.1";
    offer_http2_ ? SSL_set_alpn_protos(session, with_http2, sizeof with_http2 - 1)
                 : SSL_set_alpn_protos(session, http1, sizeof http1 - 1);
    if (!named) {
      SSL_free(session);
      return nullptr;
    }
    const TlsResumption::Place place = sessions_.claim(resume_key);
    SSL_set_app_data(session, reinterpret_cast<void*>(place));
    SSL_SESSION* before = sessions_.find(place);
    if (before != nullptr && SSL_SESSION_is_resumable(before) == 1) SSL_set_session(session, before);
    return session;
  }

 private:
  // A session to resume has come, perhaps long after the handshake. Returns 1: the reference is ours.
  static int on_new_session(SSL* session, SSL_SESSION* resumable) {
    auto* self = static_cast<ClientContext*>(SSL_CTX_get_app_data(SSL_get_SSL_CTX(session)));
    const auto place = reinterpret_cast<TlsResumption::Place>(SSL_get_app_data(session));
    self->sessions_.keep(place, SessionHandle(resumable));
    return 1;
  }

  ContextHandle context_;
  bool offer_http2_ = false;
  bool exact_names_ = false;
  TlsResumption sessions_;
};

}  // namespace

std::string identity_of(const TlsClientSettings& settings) {
  std::string all = settings.authorities_pem;
  all += settings.exact_names ? "\n=" : "\n~";
  all += settings.offer_http2 ? '2' : '1';
  if (settings.certificate != nullptr)
    all.append(settings.certificate->chain_pem).append(settings.certificate->key_pem);
  return to_hex(hmac_sha256("perigee tls client settings", all));
}

Result<std::shared_ptr<TlsClientContext>> TlsClientContext::build(const TlsClientSettings& settings) {
  auto context = std::make_shared<ClientContext>();
  if (auto filled = context->fill(settings); !filled) return tl::unexpected(filled.error());
  return std::shared_ptr<TlsClientContext>(std::move(context));
}

}  // namespace perigee::net
