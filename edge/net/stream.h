// A byte stream to one peer: a TCP connection, an in-memory pair, TLS over either.
//
// Ownership: a Stream is made by its Loop and belongs to itself until on_closed() has returned; its handler
// must outlive that call. Everybody may call close(), any number of times; on_closed() comes exactly once,
// from the loop, never from inside close(), and nothing comes after it. That is the one place where a handler
// may delete itself.
//
// Thread rule: every call, either way, on the stream's own loop.
//
// Reading is push: on_read() hands out bytes that are good during the call only (they sit in the loop's
// receive buffer, where those of other streams may be as well). Writing is readiness: write() takes what the
// kernel takes now, and after a short write on_writable() comes once when there is room again. The stream
// never buffers and never keeps a view of what it was given.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "edge/base/bytes.h"
#include "edge/net/address.h"

namespace perigee::net {

enum class StreamError : uint8_t {
  none,
  connection_refused,
  connection_reset,
  unreachable,
  timed_out,
  no_descriptors,
  tls_failed,  // the handshake, or a record that is none
  other,
};
std::string_view to_string(StreamError error);

// What a TLS handshake agreed on.
struct TlsFacts {
  std::string server_name;   // as the client sent it (SNI); empty: none
  bool http2 = false;        // by ALPN
  bool resumed = false;      // an earlier session
  std::string_view version;  // "TLSv1.3"
  // On the server's side: the handshake is not complete, and what is read now may be a replay of what the
  // client said before (RFC 8446 8). Becomes false later.
  bool early = false;
  std::vector<std::string> peer_names;  // DNS names of the other side's certificate, verified
  // On the server's side: the client's certificate in DER form, verified, and those it sent above it. Empty
  // when it showed none.
  std::string client_certificate;
  std::vector<std::string> client_chain;
};

class StreamHandler {
 public:
  // An outgoing connection is up; of TLS: the handshake is complete, on either side, or early data is about
  // to be read (TlsFacts::early). Not called for accepted streams without TLS.
  virtual void on_connected() {}
  // Something is about to be read: what on_read() will touch may be fetched. Only after
  // Stream::announce_reads(), and not for every read.
  virtual void expect_read() {}
  virtual void on_read(std::string_view bytes) = 0;
  // The other side has ended its half in order; we may go on writing.
  virtual void on_end() = 0;
  // Room again after a short write.
  virtual void on_writable() = 0;
  // The stream is broken (also: the connect failed). Nothing but on_closed() follows; the handler must call
  // close().
  virtual void on_error(StreamError error) = 0;
  // The last call. The stream's memory is gone when this returns.
  virtual void on_closed() = 0;

 protected:
  ~StreamHandler() = default;
};

class Stream {
 public:
  // Who hears of events. May be changed at any time, for instance when a pooled connection changes hands.
  virtual void set_handler(StreamHandler& handler) = 0;

  // Reading is off at first. Both are idempotent.
  virtual void read_start() = 0;
  virtual void read_stop() = 0;

  // Asks for expect_read().
  virtual void announce_reads() {}

  // Writes the slices in order, at most 1,024 of them a call, and returns how many bytes were taken: all, or
  // fewer (then on_writable() comes once), 0 also on a broken stream (then on_error() comes from the loop).
  // Bytes not taken must be offered again.
  virtual size_t write(std::span<const Slice> slices) = 0;

  // Ends our half after what was taken. Writing afterwards is our bug.
  virtual void shutdown_write() = 0;

  // Stops everything at once; on_closed() follows from the loop. What the kernel has taken is still
  // delivered.
  virtual void close() = 0;
  // Like close(), but the other side sees a reset, so that it cannot take what it has for a complete message.
  virtual void reset() = 0;

  virtual Address local_address() const = 0;
  virtual Address remote_address() const = 0;
  // Null without TLS, and before on_connected().
  virtual const TlsFacts* tls() const { return nullptr; }

 protected:
  ~Stream() = default;
};

class Listener;

class AcceptHandler {
 public:
  // Returns the handler of the new stream; reading is off. To refuse, close the stream and still return a
  // handler.
  virtual StreamHandler& on_accept(Listener& listener, Stream& stream) = 0;

 protected:
  ~AcceptHandler() = default;
};

struct ListenOptions {
  Address address;          // port 0: the system chooses one
  bool reuse_port = false;  // several loops listen on one address (SO_REUSEPORT)
  int backlog = 1024;
};

// Owned by whoever asked for it; destroying it stops listening. Loop's thread only.
class Listener {
 public:
  virtual ~Listener() = default;
  // Where it really listens.
  virtual Address address() const = 0;
  // Accepts everything already in the queue once more and then stops listening; used when a listener goes
  // away.
  virtual void drain() = 0;
};

}  // namespace perigee::net
