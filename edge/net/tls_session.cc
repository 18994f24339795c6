#include "edge/net/tls_session.h"

#include "edge/net/tls_errors.h"
#include "edge/net/tls_facts.h"

namespace perigee::net {

TlsSession::TlsSession(SSL* session, BIO_METHOD* method, std::string& records) : session_(session) {
  transport_.output = &records;
  if (session_ == nullptr) return;
  BIO* bio = make_tls_transport(method, transport_);
  if (bio == nullptr) return;
  SSL_set_bio(session_, bio, bio);
  limit_tls_steps(*session_);
  takes_early_ = is_server() && SSL_get_max_early_data(session_) > 0;
}

TlsSession::~TlsSession() { SSL_free(session_); }

TlsFacts TlsSession::facts() const {
  TlsFacts facts = facts_of(session_);
  facts.early = early_;
  return facts;
}

TlsSession::Result TlsSession::shake_hands(char* into, size_t most, size_t& early) {
  transport_.starved = false;
  const TlsHotMemory::Noting noting(hot_);
  early = 0;
  if (takes_early_) {
    const int result = SSL_read_early_data(session_, into, most, &early);
    early_ = result == SSL_READ_EARLY_DATA_SUCCESS;
    if (early_) return Result::done;
    early = 0;
    // There is none: an ordinary handshake goes on.
    takes_early_ = result != SSL_READ_EARLY_DATA_FINISH;
    if (takes_early_) return why_not();
  }
  return settle();
}

// The handshake, or the rest of it.
TlsSession::Result TlsSession::settle() {
  if (SSL_do_handshake(session_) != 1) return why_not();
  early_ = false;
  transport_.settled = true;
  return Result::done;
}

TlsSession::Result TlsSession::open(char* into, size_t most, size_t& size) {
  transport_.starved = false;
  if (takes_early_) {
    const int result = SSL_read_early_data(session_, into, most, &size);
    if (result == SSL_READ_EARLY_DATA_SUCCESS) return Result::done;
    takes_early_ = result != SSL_READ_EARLY_DATA_FINISH;
    if (takes_early_) return why_not();
  }
  if (early_) {
    const TlsHotMemory::Noting noting(hot_);
    if (const Result result = settle(); result != Result::done) return result;
  }
  if (SSL_read_ex(session_, into, most, &size) != 1) return why_not();
  opened_ += size;
  if (opened_ >= earning_bytes) opened_ = transport_.steps = 0;
  return Result::done;
}

TlsSession::Result TlsSession::why_not() const {
  if (transport_.steps > tls_steps_max) {
    forget_tls_errors();
    return Result::failed;
  }
  if (transport_.starved) return Result::starved;
  const int error = SSL_get_error(session_, 0);
  forget_tls_errors();
  if (error == SSL_ERROR_WANT_READ) return Result::starved;
  return error == SSL_ERROR_ZERO_RETURN ? Result::ended : Result::failed;
}

// The transport takes everything, so a failure is final and nothing of OpenSSL's errors decides anything.
bool TlsSession::seal(const char* bytes, size_t size) {
  size_t taken = 0;
  const int result = early_ ? SSL_write_early_data(session_, bytes, size, &taken)
                            : SSL_write_ex(session_, bytes, size, &taken);
  if (result == 1 && taken == size) return true;
  forget_tls_errors();
  return false;
}

void TlsSession::say_end() {
  SSL_shutdown(session_);
  forget_tls_errors();
}

}  // namespace perigee::net
