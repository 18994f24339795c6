// One session of OpenSSL, between a view of the bytes received and a string that records are appended to: the
// handshake, early data, records, and what is said at the end. It knows no stream and waits for nothing.
//
// That the bytes received are used up the transport knows: OpenSSL's queue of errors, which is the thread's,
// need not be empty before every call, if only every failure leaves it so.
//
// Internal to edge/net/tls*. Thread rule: the loop's thread.
#pragma once

#include <openssl/ssl.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "edge/net/stream.h"
#include "edge/net/tls_hot_memory.h"
#include "edge/net/tls_transport.h"

namespace perigee::net {

class TlsSession {
 public:
  enum class Result : uint8_t {
    done,
    starved,  // what was received is used up
    ended,    // close_notify has come
    failed,   // for good; a flood of handshakes, too
  };

  // Takes over the session; null is one that could not be made. Records are appended to `records`.
  TlsSession(SSL* session, BIO_METHOD* method, std::string& records);
  ~TlsSession();
  TlsSession(const TlsSession&) = delete;
  TlsSession& operator=(const TlsSession&) = delete;

  // It could not be made; nothing else may be asked of it.
  bool is_broken() const { return session_ == nullptr || SSL_get_rbio(session_) == nullptr; }
  bool is_server() const { return SSL_is_server(session_) == 1; }
  // It opens and seals, but the handshake is not complete: what it opens may be a replay (RFC 8446 8).
  bool is_early() const { return early_; }
  // What was received and is not opened yet; whoever sets it keeps it valid.
  std::string_view& input() { return transport_.input; }
  // OpenSSL has read what it has not opened.
  bool has_pending() const { return session_ != nullptr && SSL_has_pending(session_) == 1; }
  // Of one that can open.
  TlsFacts facts() const;
  void prefetch(const void* handler) const { hot_.prefetch(session_, handler); }

  // Goes on with the handshake. done: it can open and seal; `early` bytes of early data, which is read with
  // the handshake, are in `into` already.
  Result shake_hands(char* into, size_t most, size_t& early);
  // The plain bytes of a record, or of as much of it as there is room for. Early data comes first, then what
  // is left of the handshake; is_early() says of which kind the bytes are.
  Result open(char* into, size_t most, size_t& size);
  // Makes a record of at most 16 KiB. False: it failed for good.
  bool seal(const char* bytes, size_t size);
  // close_notify.
  void say_end();
  // Ends without a word, and may be resumed all the same.
  void end_silently() { SSL_set_shutdown(session_, SSL_SENT_SHUTDOWN); }

 private:
  // Plain bytes by which a session earns that the other side may do a little more of what limit_tls_steps()
  // counts. Keys are updated once in 2^24 records or later (RFC 8446 5.5).
  static constexpr size_t earning_bytes = 1024 * 1024;

  Result settle();
  Result why_not() const;

  SSL* const session_;
  TlsHotMemory hot_;
  TlsTransport transport_;
  bool takes_early_ = false;  // early data may come still
  bool early_ = false;
  size_t opened_ = 0;  // plain bytes since something was earned
};

}  // namespace perigee::net
