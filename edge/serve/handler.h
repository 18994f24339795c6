// What a server connection and the code behind it say to each other, independent of the protocol version. One
// Handler serves a listener: the edge, the admin pages, perigee-origin.
//
// A ServerExchange is one request and its answer. It belongs to its connection. It is good from
// Handler::on_request() until that call returns with the whole answer given by reply(), or, once an
// ExchangeHandler is set, until on_exchange_end().
//
// Thread rule: everything on the connection's loop. No callback ever comes from inside a call that its
// receiver makes: writing happens at the end of the loop's turn (or of the read that brought the request).
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "edge/base/bytes.h"
#include "edge/http/message.h"
#include "edge/net/io.h"

namespace perigee::serve {

// Keeps bytes alive beyond the call that mentions them, only if that turns out to be needed: a short write.
// Without a function pointer the bytes live for ever (literals).
struct Hold {
  void (*acquire)(void* owner, const void* object) = nullptr;
  void (*release)(void* owner, const void* object) = nullptr;
  void* owner = nullptr;
  const void* object = nullptr;
  // The caller has acquired it already and passes that on: it is released once the bytes are written or given
  // up. For bytes that nothing else keeps until the end of the loop's turn.
  bool given = false;
};

// A response body that is pulled as the connection can write.
class BodySource {
 public:
  enum class State : uint8_t {
    ready,   // at least one slice was given
    wait,    // nothing now; body_ready() will be called
    end,     // nothing more: the body is complete
    failed,  // the rest will never come: cut the answer visibly
  };
  // Gives the next bytes that were not consumed yet, at most out.size() slices, without consuming them; sets
  // count. They stay good until consumed.
  virtual State pull(std::span<Slice> out, size_t& count) = 0;
  // The first bytes of what was pulled are with the kernel.
  virtual void consumed(size_t bytes) = 0;

 protected:
  ~BodySource() = default;
};

// The head of an answer. Framing and connection fields (content-length, transfer-encoding, connection) are
// the connection's business and must not be among the lines.
struct ReplyHead {
  int status = 200;
  // "HTTP/1.1 200 OK\r\n" and field lines with lower-case names, each ended by CRLF; no blank line.
  std::string_view lines;
  // More field lines of the same form, written after the first ones; copied when they must outlive the call.
  std::string_view more_lines;
  // Bytes of content that follow, or would follow a GET (HEAD, 304). unknown_length: chunked or until close;
  // for HEAD and 304 no length is sent.
  static constexpr uint64_t unknown_length = ~uint64_t{0};
  uint64_t content_length = unknown_length;
};

enum class ExchangeEnd : uint8_t {
  complete,     // the whole answer is with the kernel
  client_gone,  // the client closed, reset or stalled beyond its time
  cut,          // the body source failed, or cut() was called
  shutdown,     // the node is stopping
};

class ExchangeHandler {
 public:
  // Content of the request, after read_request_body(). The bytes are good during the call only.
  virtual void on_request_body(std::string_view bytes) = 0;
  // The request's content is complete. For a request without content it is not called.
  virtual void on_request_end() = 0;
  // The connection answers with this status itself, because the request's content broke the rules;
  // on_exchange_end(client_gone) follows.
  virtual void on_exchange_refused(int status) { static_cast<void>(status); }
  // The last call. The exchange must not be used afterwards.
  virtual void on_exchange_end(ExchangeEnd end) = 0;

 protected:
  ~ExchangeHandler() = default;
};

// What take_stream() hands over.
struct TakenStream {
  net::Stream* stream = nullptr;
  std::string_view unread;  // bytes received behind the request; good during the current call only
};

class ServerExchange {
 public:
  virtual const http::RequestHead& request()
      const = 0;  // views good during on_request() only: copy what must last
  virtual net::Loop& loop() const = 0;
  virtual net::Address client_address() const = 0;
  virtual std::string_view scheme() const = 0;  // "http" or "https"
  // What the client's TLS handshake agreed on; null without TLS.
  virtual const net::TlsFacts* tls() const = 0;

  // The whole answer at once. body is empty for HEAD, 204, 304. hold covers head.lines and body.
  virtual void reply(const ReplyHead& head, std::string_view body, const Hold& hold) = 0;
  // The same with a body in several pieces, which hold covers too. False, and nothing is done, where it is
  // better pulled from a source: too long for one turn, or a protocol that sends in portions.
  virtual bool reply_in_pieces(const ReplyHead& head, std::span<const Slice> body, const Hold& hold) {
    static_cast<void>(head), static_cast<void>(body), static_cast<void>(hold);
    return false;
  }
  // The answer's head now, its body from source until end or failed. source must live until
  // on_exchange_end(). head is copied.
  virtual void reply(const ReplyHead& head, BodySource& source) = 0;
  // The same, and head.lines are good for as long as hold has them, so that a protocol which need not copy
  // them does not. hold must not be given.
  virtual void reply_held(const ReplyHead& head, const Hold& hold, BodySource& source) {
    static_cast<void>(hold);
    reply(head, source);
  }
  // The source has something new after it said wait.
  virtual void body_ready() = 0;
  // An interim response (1xx, not 101); copied. Clients of HTTP/1.0 do not get it.
  virtual void send_interim(const ReplyHead& head) = 0;

  // Must be set during on_request() unless that call gives the whole answer.
  virtual void set_handler(ExchangeHandler& handler) = 0;

  // Request content is not read until asked for; the first call answers Expect: 100-continue. If the answer
  // ends before the content was read, the connection drains a little of it (64 KiB) and otherwise closes.
  virtual void read_request_body() = 0;
  virtual void pause_request_body() = 0;

  // Ends the exchange now, visibly: the connection is reset or the stream is, whichever makes a partial
  // answer unmistakable. on_exchange_end(cut) follows.
  virtual void cut() = 0;

  // Upgrade: the connection steps aside after what was replied and the stream belongs to the caller, who must
  // set a handler at once. Null stream where the protocol has no such thing. on_exchange_end does not follow.
  virtual TakenStream take_stream() = 0;

 protected:
  ~ServerExchange() = default;
};

// A request that the connection answered in the Handler's place: it never became an exchange.
struct RefusedRequest {
  net::Address client;
  int status = 0;
  std::string_view reason;
  // As far as they were understood, else empty; good during the call only, and not to be trusted.
  std::string_view method;
  std::string_view authority;
  std::string_view target;
};

class Handler {
 public:
  virtual ~Handler() = default;
  // Answers at once with reply(), or sets an ExchangeHandler and answers later.
  virtual void on_request(ServerExchange& exchange) = 0;
  // For counters and logs; there is nothing to answer.
  virtual void on_refused(const RefusedRequest& request) { static_cast<void>(request); }
};

}  // namespace perigee::serve
