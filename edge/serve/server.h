// An HTTP server on one loop: listens, owns its connections, gives every request to a Handler.
//
// Ownership: whoever made it; it must outlive its connections, so it is destroyed after it was drained or
// after its Io has stopped. Loop, handler and metrics outlive it.
//
// Thread rule: the loop's thread (before Io::start(): the thread that owns the Io). One Server per worker;
// several listen on one address with reuse_port.
//
// The Server adds a turn hook when it is made: answers given outside of on_request() are written there, and
// pipelined requests behind them are begun there. Who announces a store epoch in a turn hook must add it
// after the Server's.
//
// It counts connections and bytes by the names of its options, and requests_bad, client_timeouts and
// responses_cut; how a request was answered is for the handler to count.
#pragma once

#include <memory>
#include <vector>

#include "edge/serve/connection.h"

namespace perigee::serve {

class DrainHandler {
 public:
  // Every connection is gone. Called once, from the loop, never from inside drain().
  virtual void on_drained() = 0;

 protected:
  ~DrainHandler() = default;
};

class Server final : public ConnectionHost,
                     private net::AcceptHandler,
                     private net::TurnHook,
                     private net::ReadsHook,
                     private net::TimerHandler {
 public:
  Server(net::Loop& on, const ServerOptions& with, Handler& answering, MetricShard& counting);
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  // Returns where it really listens. Errors: internal, "listen_failed".
  Result<net::Address> listen();

  // Stops accepting; idle connections close, busy ones finish their answer with connection: close; after
  // `within` the rest is cut. Streams handed over by take_stream() are no longer the server's. done may be
  // null.
  void drain(Duration within, DrainHandler* done);

  size_t connections() const { return connections_; }
  bool is_draining() const { return draining; }

  void want_turn(Connection& connection) override;
  void forget(Connection& connection) override;
  void opened(Connection& opening, net::Stream& stream, bool http2, std::string_view bytes) override;

 private:
  class Refused;  // hears the end of streams that were closed at once
  class Again;

  // Runs last among the hooks of a turn in which somebody asked for a turn: another hook may have asked after
  // ours had run, and the loop would park over it.
  struct LastHook final : net::TurnHook {
    explicit LastHook(Server& owner) : server(owner) {}
    void on_turn_end() override { server.on_last_hook(); }
    Server& server;
    bool added = false;
  };

  net::StreamHandler& on_accept(net::Listener& listener, net::Stream& stream) override;
  void on_turn_end() override;
  void on_reads_handed_out() override;
  void on_timer(net::Timer& timer) override;
  void adopt(Connection& connection);
  template <typename Protocol>
  void begin(Protocol& connection, std::string_view bytes);
  void link(Connection& connection);
  void unlink(Connection& connection);
  using Turns = std::vector<Connection*>;  // null where the connection has died since
  void run(Turns& queue, bool all);
  void on_last_hook();
  void wake_again();
  void report_drained();

  std::unique_ptr<net::Listener> listener_;
  Connection* first_ = nullptr;
  size_t connections_ = 0;
  size_t refused_open_ = 0;
  Turns newcomers_;  // who wants a turn to begin an answer
  Turns turns_;      // who wants one to go on
  Turns running_;    // of this on_turn_end()
  LastHook last_hook_{*this};
  std::shared_ptr<Server*> self_;  // what a message to the loop knows of us
  bool waking_ = false;
  net::Timer drain_timer_;
  DrainHandler* drain_handler_ = nullptr;
};

}  // namespace perigee::serve
