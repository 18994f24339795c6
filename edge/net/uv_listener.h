// Listening on a UvLoop. Internal to edge/net.
//
// The UvAcceptor is the watched socket; it lives until libuv has let go of its handle. The UvListener is what
// the owner holds; it may outlive the loop's run.
//
// Thread rule: the loop's thread.
#pragma once

#include <uv.h>

#include <memory>

#include "edge/net/uv_loop.h"

namespace perigee::net {

class UvAcceptor final : public TimerHandler, public std::enable_shared_from_this<UvAcceptor> {
 public:
  UvAcceptor(UvLoop& loop, int fd, AcceptHandler& handler) : loop_(loop), fd_(fd), handler_(handler) {}

  bool start();
  // Accepts until the queue is empty, at most so many.
  void accept_some(int connections_max);
  void close();
  Address address() const { return address_; }

  void on_timer(Timer& timer) override;

  Listener* listener = nullptr;

 private:
  void watch();
  void take(int fd, const Address& remote);
  void pause();

  UvLoop& loop_;
  uv_poll_t poll_;
  int fd_;
  AcceptHandler& handler_;
  Address address_;
  Timer retry_{*this};
  std::shared_ptr<UvAcceptor> self_;  // until libuv lets go
};

class UvListener final : public Listener {
 public:
  static Result<std::unique_ptr<Listener>> open(UvLoop& loop, const ListenOptions& options,
                                                AcceptHandler& handler);
  explicit UvListener(std::shared_ptr<UvAcceptor> acceptor) : acceptor_(std::move(acceptor)) {}
  ~UvListener() override { acceptor_->close(); }

  Address address() const override { return acceptor_->address(); }
  void drain() override;

 private:
  std::shared_ptr<UvAcceptor> acceptor_;
};

}  // namespace perigee::net
