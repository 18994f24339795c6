#include "edge/net/tls_transport.h"

#include <algorithm>
#include <cstring>

namespace perigee::net {
namespace {

TlsTransport& transport_of(BIO* bio) { return *static_cast<TlsTransport*>(BIO_get_data(bio)); }

int on_read(BIO* bio, char* into, size_t size, size_t* taken) {
  TlsTransport& transport = transport_of(bio);
  BIO_clear_retry_flags(bio);
  if (transport.input.empty()) {
    transport.starved = true;
    BIO_set_retry_read(bio);
    return 0;
  }
  *taken = std::min(size, transport.input.size());
  std::memcpy(into, transport.input.data(), *taken);
  transport.input.remove_prefix(*taken);
  return 1;
}

int on_write(BIO* bio, const char* bytes, size_t size, size_t* taken) {
  BIO_clear_retry_flags(bio);
  transport_of(bio).output->append(bytes, size);
  *taken = size;
  return 1;
}

// OpenSSL flushes after each flight of a handshake; the rest does not apply to us.
long on_control(BIO*, int command, long, void*) { return command == BIO_CTRL_FLUSH ? 1 : 0; }

int on_create(BIO* bio) {
  BIO_set_init(bio, 1);
  return 1;
}

void on_info(const SSL* session, int where, int value) {
  const bool declines = where == SSL_CB_WRITE_ALERT && (value & 0xff) == SSL_AD_NO_RENEGOTIATION;
  if ((where & SSL_CB_LOOP) == 0 && !declines) return;
  TlsTransport& transport = transport_of(SSL_get_rbio(session));
  if (!transport.settled) return;
  // A server that asks may be declined and go on (RFC 5246 7.4.1.1).
  transport.steps = declines && SSL_is_server(session) == 1 ? tls_steps_max + 1 : transport.steps + 1;
  // What it has read already it throws away, and says that nothing more comes.
  if (transport.steps > tls_steps_max) SSL_set_shutdown(const_cast<SSL*>(session), SSL_RECEIVED_SHUTDOWN);
}

}  // namespace

void limit_tls_steps(SSL& session) { SSL_set_info_callback(&session, on_info); }

BIO_METHOD* make_tls_transport_method() {
  BIO_METHOD* method = BIO_meth_new(BIO_TYPE_SOURCE_SINK | BIO_get_new_index(), "loop buffers");
  BIO_meth_set_read_ex(method, on_read);
  BIO_meth_set_write_ex(method, on_write);
  BIO_meth_set_ctrl(method, on_control);
  BIO_meth_set_create(method, on_create);
  return method;
}

BIO* make_tls_transport(BIO_METHOD* method, TlsTransport& transport) {
  BIO* bio = BIO_new(method);
  if (bio != nullptr) BIO_set_data(bio, &transport);
  return bio;
}

}  // namespace perigee::net
