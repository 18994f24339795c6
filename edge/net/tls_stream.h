// TLS over any Stream, as a Stream.
//
// OpenSSL reads from the bytes that the stream below has just handed out and writes into memory that all TLS
// streams of the loop share, which then goes down in one write: no pair of memory BIOs, no buffer per
// connection. What the stream below did not take is kept, and until it has gone nothing more is taken.
//
// Always true: write() reports bytes as taken only when the records that hold them are with the stream below.
// A part that was made into records and not delivered is remembered, and skipped when it is offered again, as
// every caller must.
//
// on_connected() comes when the handshake is complete, on either side; facts() are known then. A handshake
// that fails comes as on_error(tls_failed). An end without close_notify is an error, not an end (RFC 8446
// 6.1).
//
// Owns itself like every Stream; owns the session; the stream below belongs to itself and ends with it.
//
// Thread rule: the loop's thread.
#pragma once

#include <memory>
#include <string>

#include "edge/net/io.h"
#include "edge/net/tls_context.h"

namespace perigee::net {

struct TlsWorkspace;

struct TlsAccepted {
  Stream& stream;
  StreamHandler& handler_of_below;
};

// What a loop makes its TLS streams with.
class TlsFactory {
 public:
  explicit TlsFactory(Loop& loop);
  ~TlsFactory();

  // Both take over an established stream, whose handler they become, and begin the handshake.
  TlsAccepted accept(Stream& below, std::shared_ptr<const TlsServerContext> context, StreamHandler& handler);
  Stream& connect(Stream& below, std::shared_ptr<TlsClientContext> context, const std::string& name,
                  const std::string& resume_key, StreamHandler& handler);

 private:
  Loop& loop_;
  std::shared_ptr<TlsWorkspace> workspace_;
};

// What listeners of a loop accept TLS with; a reload gives it another context.
class TlsAcceptor {
 public:
  explicit TlsAcceptor(Loop& loop) : factory_(loop) {}
  void set_context(std::shared_ptr<const TlsServerContext> context) { context_ = std::move(context); }
  TlsAccepted accept(Stream& below, StreamHandler& handler) {
    return factory_.accept(below, context_, handler);
  }

 private:
  TlsFactory factory_;
  std::shared_ptr<const TlsServerContext> context_;
};

}  // namespace perigee::net
