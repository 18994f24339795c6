// A connection whose protocol is not known yet: it waits for the TLS handshake and what ALPN chose, or, on a
// listener that allows HTTP/2 without TLS, for the first bytes, which tell the preface of HTTP/2 (RFC
// 9113 3.4) from a request. Then the host puts another connection in its place.
//
// Owns itself, like every Connection: it ends in on_closed(), or when the host has replaced it.
//
// Thread rule: the loop's thread.
#pragma once

#include <string>

#include "edge/serve/connection.h"

namespace perigee::serve {

class Opening final : public Connection, private net::StreamHandler, private net::TimerHandler {
 public:
  // Over a stream without TLS.
  Opening(ConnectionHost& host, net::Stream& stream);
  // Begins TLS over a stream.
  Opening(ConnectionHost& host, net::TlsAcceptor& tls, net::Stream& below);

  // Who is to hear of the stream that was accepted.
  net::StreamHandler& handler_of_accepted() { return *accepted_handler_; }

  void on_turn() override {}
  void begin_drain() override { close(); }
  void shut_down() override { close(); }

 private:
  void on_connected() override;
  void on_read(std::string_view bytes) override;
  void on_end() override { close(); }
  void on_writable() override {}
  void on_error(net::StreamError error) override;
  void on_closed() override;
  void on_timer(net::Timer& timer) override;
  void wait_for(Duration time);
  void close();

  ConnectionHost& host_;
  net::Stream* stream_;
  net::StreamHandler* accepted_handler_ = this;
  std::string received_;
  net::Timer timer_;
  bool closing_ = false;
};

}  // namespace perigee::serve
