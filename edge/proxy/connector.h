// One connection to any of several addresses of the same upstream: tries them in order, the next one 250 ms
// after the one before or at once when it failed, and keeps the first that answers ("happy eyeballs", RFC
// 8305 section 5).
//
// Owned by whoever wants the connection; destroying it closes every attempt. The handler is called once, from
// the loop.
//
// Thread rule: one worker's loop.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "edge/net/io.h"
#include "edge/net/tls_stream.h"

namespace perigee::proxy {

struct ConnectOutcome {
  net::Stream* stream = nullptr;  // null: failed. The receiver must set a handler at once.
  net::Address address;           // where it leads
  net::StreamError error = net::StreamError::none;
};

class ConnectHandler {
 public:
  // The last call; the Connector may be destroyed inside it.
  virtual void on_connect(const ConnectOutcome& outcome) = 0;

 protected:
  ~ConnectHandler() = default;
};

// How a connection is to be secured.
struct ConnectTls {
  net::TlsFactory* factory = nullptr;
  std::shared_ptr<net::TlsClientContext> context;
  std::string name;        // whom to connect to
  std::string resume_key;  // under which sessions with each address are kept
};

class Connector final : private net::TimerHandler {
 public:
  static constexpr Duration attempt_delay = std::chrono::milliseconds(250);

  // addresses: at least one; timeout: for the whole, handshake included; tls: nullopt for none.
  Connector(net::Loop& loop, std::vector<net::Address> addresses, Duration timeout, ConnectHandler& handler,
            std::optional<ConnectTls> tls = std::nullopt);
  ~Connector();

 private:
  class Attempt;

  void on_timer(net::Timer& timer) override;
  void try_next();
  void connected(Attempt& attempt);
  void attempt_failed(Attempt& attempt, net::StreamError error);
  void finish(const ConnectOutcome& outcome);

  net::Loop& loop_;
  std::vector<net::Address> addresses_;
  size_t next_ = 0;
  ConnectHandler& handler_;
  const std::optional<ConnectTls> tls_;
  std::vector<Attempt*> attempts_;
  net::StreamError last_error_ = net::StreamError::timed_out;
  net::Timer timeout_timer_{*this};
  net::Timer next_timer_{*this};
};

}  // namespace perigee::proxy
