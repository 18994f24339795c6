#include "edge/net/tls_blocking.h"

#include <openssl/err.h>

#include "edge/net/tls_errors.h"
#include "edge/net/tls_handles.h"

namespace perigee::net {
namespace {

using SessionOwner = std::unique_ptr<SSL, TlsRelease<SSL_free>>;

class BlockingStream final : public TlsBlockingStream {
 public:
  BlockingStream(std::shared_ptr<TlsClientContext> context, SessionOwner session)
      : context_(std::move(context)), session_(std::move(session)) {}

  bool send_all(std::string_view bytes) override {
    while (!bytes.empty()) {
      ERR_clear_error();
      size_t taken = 0;
      if (SSL_write_ex(session_.get(), bytes.data(), bytes.size(), &taken) != 1) return false;
      bytes.remove_prefix(taken);
    }
    return true;
  }

  long receive(char* into, size_t size) override {
    ERR_clear_error();
    size_t taken = 0;
    const int result = SSL_read_ex(session_.get(), into, size, &taken);
    if (result == 1) return static_cast<long>(taken);
    return SSL_get_error(session_.get(), result) == SSL_ERROR_ZERO_RETURN ? 0 : -1;
  }

 private:
  std::shared_ptr<TlsClientContext> context_;
  SessionOwner session_;
};

}  // namespace

Result<std::unique_ptr<TlsBlockingStream>> TlsBlockingStream::connect(int descriptor,
                                                                      const TlsClientSettings& settings,
                                                                      const std::string& name) {
  auto context = TlsClientContext::build(settings);
  if (!context) return tl::unexpected(context.error());
  SessionOwner session((*context)->make_session(name, name));
  if (session == nullptr || SSL_set_fd(session.get(), descriptor) != 1)
    return fail(Side::internal, "tls_context", take_tls_reason());
  SSL_clear_mode(session.get(), SSL_MODE_ENABLE_PARTIAL_WRITE);
  ERR_clear_error();
  if (SSL_connect(session.get()) != 1) {
    const long judged = SSL_get_verify_result(session.get());
    const std::string why = judged == X509_V_OK ? take_tls_reason() : X509_verify_cert_error_string(judged);
    ERR_clear_error();
    return fail(Side::upstream, "tls_failed", "no TLS with " + name + ": " + why);
  }
  return std::unique_ptr<TlsBlockingStream>(
      std::make_unique<BlockingStream>(std::move(*context), std::move(session)));
}

}  // namespace perigee::net
