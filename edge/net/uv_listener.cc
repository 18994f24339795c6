#include "edge/net/uv_listener.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <limits>
#include <utility>

#include "edge/net/socket_address.h"
#include "edge/net/uv_stream.h"

namespace perigee::net {
namespace {

// A burst of connects must not keep the established connections waiting.
constexpr int accepts_per_event_max = 64;
constexpr Duration retry_without_descriptors = std::chrono::milliseconds(100);

void set_option(int fd, int level, int option) {
  int on = 1;
  ::setsockopt(fd, level, option, &on, sizeof on);
}

// A listening socket, or -1 with errno.
int open_listening_socket(const ListenOptions& options) {
  bool v6 = options.address.family == Address::Family::v6;
  int fd = ::socket(v6 ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return -1;
  set_option(fd, SOL_SOCKET, SO_REUSEADDR);
  if (options.reuse_port) set_option(fd, SOL_SOCKET, SO_REUSEPORT);
  if (v6) set_option(fd, IPPROTO_IPV6, IPV6_V6ONLY);
  // Linux hands this on to the connections that are accepted.
  set_option(fd, IPPROTO_TCP, TCP_NODELAY);
  SocketAddress address = to_socket_address(options.address);
  if (::bind(fd, address.get(), address.size) == 0 && ::listen(fd, options.backlog) == 0) return fd;
  int error = errno;
  ::close(fd);
  errno = error;
  return -1;
}

}  // namespace

bool UvAcceptor::start() {
  SocketAddress local;
  if (::getsockname(fd_, local.get(), &local.size) != 0) return false;
  address_ = from_socket_address(local.get());
  if (uv_poll_init(loop_.uv(), &poll_, fd_) != 0) return false;
  poll_.data = this;
  self_ = shared_from_this();
  watch();
  return true;
}

void UvAcceptor::watch() {
  uv_poll_start(&poll_, UV_READABLE, [](uv_poll_t* handle, int, int) {
    static_cast<UvAcceptor*>(handle->data)->accept_some(accepts_per_event_max);
  });
}

void UvAcceptor::accept_some(int connections_max) {
  loop_.hand_out_reads();
  for (int i = 0; i < connections_max && fd_ >= 0; ++i) {
    SocketAddress remote;
    int fd = ::accept4(fd_, remote.get(), &remote.size, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd >= 0) {
      take(fd, from_socket_address(remote.get()));
    } else if (errno == EMFILE || errno == ENFILE) {
      if (!loop_.shed_connection(fd_)) return pause();
    } else if (errno != ECONNABORTED && errno != EINTR) {
      return;
    }
  }
}

void UvAcceptor::take(int fd, const Address& remote) {
  UvStream* stream = UvStream::adopt(loop_, fd, remote);
  if (stream == nullptr) return;
  ++loop_.counters().accepts;
  stream->set_handler(handler_.on_accept(*listener, *stream));
}

// The queue stays readable while nothing can be taken from it; watching on would spin.
void UvAcceptor::pause() {
  uv_poll_stop(&poll_);
  loop_.timers().arm(retry_, loop_.now() + retry_without_descriptors);
}

void UvAcceptor::on_timer(Timer&) { watch(); }

void UvAcceptor::close() {
  if (fd_ < 0) return;
  retry_.cancel();
  uv_close(reinterpret_cast<uv_handle_t*>(&poll_),
           [](uv_handle_t* handle) { static_cast<UvAcceptor*>(handle->data)->self_.reset(); });
  ::close(std::exchange(fd_, -1));
}

Result<std::unique_ptr<Listener>> UvListener::open(UvLoop& loop, const ListenOptions& options,
                                                   AcceptHandler& handler) {
  int fd = open_listening_socket(options);
  auto failed = [&](const char* reason) {
    return fail(Side::internal, "listen_failed", options.address.to_string() + ": " + reason);
  };
  if (fd < 0) return failed(std::strerror(errno));
  auto acceptor = std::make_shared<UvAcceptor>(loop, fd, handler);
  if (!acceptor->start()) {
    ::close(fd);
    return failed("cannot be watched");
  }
  loop.adopt(acceptor);
  auto listener = std::make_unique<UvListener>(acceptor);
  acceptor->listener = listener.get();
  return listener;
}

void UvListener::drain() {
  auto acceptor = acceptor_;
  acceptor->accept_some(std::numeric_limits<int>::max());
  acceptor->close();
}

}  // namespace perigee::net
