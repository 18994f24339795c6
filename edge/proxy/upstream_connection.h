// One HTTP/1.1 connection toward an upstream (peer, shield or origin): writes a request, reads its response,
// and goes back to its pool when both ended in order.
//
// Ownership: the connection belongs to itself until its stream has closed. While busy it has one
// UpstreamHandler, which may let go at any time with close(); idle it is known to its pool alone. Always
// true: after any surprise in the framing (bytes behind a response, a malformed chunk, an early end) the
// connection is closed and never pooled. An idle one is closed when its time is over, before upstreams
// usually do so: a request that meets a closing connection has to be sent again.
//
// Thread rule: its worker's loop only.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "edge/http/h1.h"
#include "edge/net/io.h"

namespace perigee::proxy {

class UpstreamPool;
struct PoolKey;

enum class UpstreamFailure : uint8_t {
  connect_refused,
  connect_timeout,
  connect_failed,
  dns_failed,
  tls_failed,  // no handshake, or with somebody else
  pool_exhausted,
  reused_closed,  // a pooled connection ended before any byte of the response: always safe to repeat
  closed_early,   // ended before a response head
  first_byte_timeout,
  bad_response,  // not HTTP as we accept it
  incomplete,    // the content was cut short
  body_timeout,
  deadline,      // the request's own deadline passed
  declined,      // a peer would not serve this request; it is well otherwise
  circuit_open,  // nothing was sent: the breaker of the origin server is open
};
std::string_view to_string(UpstreamFailure failure);

class UpstreamHandler {
 public:
  // 1xx but 101; may come several times.
  virtual void on_upstream_interim(const http::ResponseHead& head) = 0;
  // The final head (101 included); views are good during the call only.
  virtual void on_upstream_head(const http::ResponseHead& head) = 0;
  virtual void on_upstream_body(std::string_view bytes) = 0;
  // The response is complete. The connection is no longer the handler's.
  virtual void on_upstream_end() = 0;
  // No further call. The connection is no longer the handler's.
  virtual void on_upstream_failed(UpstreamFailure failure) = 0;
  // What send() had to keep is with the kernel now.
  virtual void on_upstream_writable() = 0;

 protected:
  ~UpstreamHandler() = default;
};

class UpstreamConnection final : public net::StreamHandler, private net::TimerHandler {
 public:
  // Takes over a connected stream.
  UpstreamConnection(UpstreamPool& pool, const PoolKey& key, net::Stream& stream);

  // Begins an exchange: writes the head and expects a response to that method.
  void begin(UpstreamHandler& handler, http::Method method, std::string_view head);
  // Somebody else takes over what is under way; possible from inside a callback.
  void set_handler(UpstreamHandler& handler) { handler_ = &handler; }
  // Request content in wire form. What the kernel does not take now is kept and blocked() is true until
  // on_upstream_writable().
  void send(std::string_view bytes);
  bool blocked() const { return !out_.empty(); }
  // The request is complete; until then the connection will not be pooled.
  void request_complete() { request_complete_ = true; }

  void pause();
  void resume();
  // Nothing more is wanted: no further call, and the connection is closed.
  void close();
  // The same for a request to an origin, which is to stop working: while the answer to a safe method, or much
  // of it, is still to come the connection is reset, since an end may be that of one half only (RFC
  // 9293 3.6). The content of any other method still arrives. A peer is better left alone: others may want
  // its fill.
  void take_back();
  // The same for an answer whose head has come and says no: what follows it is dropped, and if that is short
  // the connection is kept. Possible from inside on_upstream_head().
  void drop_answer();
  // After a 101: the stream leaves, unread holds what was received behind the head. The connection is gone
  // when this returns.
  net::Stream& take_stream(std::string& unread);

  const PoolKey& key() const;
  bool was_reused() const { return exchanges_ > 1; }
  bool response_started() const { return response_bytes_ > 0; }
  uint64_t body_bytes() const { return body_bytes_; }

  void on_read(std::string_view bytes) override;
  void on_end() override;
  void on_writable() override;
  void on_error(net::StreamError error) override;
  void on_closed() override;

 private:
  enum class State : uint8_t { idle, awaiting_head, body, upgraded, closing };
  enum class End : uint8_t { close, reset };

  ~UpstreamConnection() = default;
  void on_timer(net::Timer& timer) override;
  std::optional<size_t> read_head(std::string_view bytes);
  void read_body(std::string_view bytes);
  void finish();
  void fail(UpstreamFailure failure);
  void end(End how);

  UpstreamPool& pool_;
  const PoolKey* key_;  // owned by the pool
  net::Stream* stream_;
  UpstreamHandler* handler_ = nullptr;
  State state_ = State::idle;
  http::Method method_ = http::Method::get;
  bool request_complete_ = false;
  bool paused_ = false;  // reading is stopped
  bool reusable_ = false;
  bool short_ = false;  // the content that is awaited is worth reading to its end in any case
  uint32_t exchanges_ = 0;
  uint64_t response_bytes_ = 0;
  uint64_t body_bytes_ = 0;
  uint32_t interims_ = 0;
  size_t scanned_ = 0;
  http::BodyReader body_;
  net::Timer idle_timer_{*this};
  std::string out_;   // request bytes the kernel has not taken
  std::string tail_;  // an unfinished response head
};

}  // namespace perigee::proxy
