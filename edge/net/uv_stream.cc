#include "edge/net/uv_stream.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cassert>
#include <cerrno>
#include <utility>

#include "edge/base/prefetch.h"
#include "edge/net/socket_address.h"
#include "edge/net/uv_send.h"

namespace perigee::net {
namespace {

StreamError to_stream_error(int error) {
  switch (error) {
    case ECONNREFUSED:
      return StreamError::connection_refused;
    case ECONNRESET:
    case EPIPE:
      return StreamError::connection_reset;
    case ENETUNREACH:
    case EHOSTUNREACH:
    case EADDRNOTAVAIL:
      return StreamError::unreachable;
    case ETIMEDOUT:
      return StreamError::timed_out;
    case EMFILE:
    case ENFILE:
      return StreamError::no_descriptors;
    default:
      return StreamError::other;
  }
}

int socket_error(int fd) {
  int error = 0;
  socklen_t size = sizeof error;
  if (::getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) != 0) return errno;
  return error;
}

bool is_temporary(int error) { return error == EAGAIN || error == EWOULDBLOCK || error == EINTR; }

}  // namespace

UvStream& UvStream::connect(UvLoop& loop, const Address& to, StreamHandler& handler) {
  auto* stream = new UvStream(loop, to);
  stream->handler_ = &handler;
  stream->state_ = State::connecting;
  loop.adopt(*stream);
  stream->start_connect();
  return *stream;
}

UvStream* UvStream::adopt(UvLoop& loop, int fd, const Address& remote) {
  auto* stream = new UvStream(loop, remote);
  if (!stream->start_watching(fd)) {
    delete stream;
    return nullptr;
  }
  stream->accepted_ = true;
  loop.adopt(*stream);
  return stream;
}

bool UvStream::start_watching(int fd) {
  if (uv_poll_init(loop_.uv(), &poll_, fd) != 0) {
    ::close(fd);
    return false;
  }
  poll_.data = this;
  fd_ = fd;
  polled_ = true;
  return true;
}

void UvStream::start_connect() {
  int family = remote_.family == Address::Family::v4 ? AF_INET : AF_INET6;
  int fd = ::socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return fail_later(to_stream_error(errno));
  if (!start_watching(fd)) return fail_later(StreamError::no_descriptors);
  int on = 1;
  ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  SocketAddress to = to_socket_address(remote_);
  if (::connect(fd, to.get(), to.size) == 0) {
    loop_.defer(*this);
  } else if (errno == EINPROGRESS || errno == EINTR) {
    watch(Watch::exact);
  } else {
    fail_later(to_stream_error(errno));
  }
}

void UvStream::read_start() {
  if (!is_live() || ended_) return;
  reading_ = true;
  if (kept_ != nullptr) loop_.defer(*this);
  if (state_ == State::open) watch(Watch::widen);
}

void UvStream::watch(Watch how) {
  int wanted = (reading_ ? UV_READABLE : 0) | (want_write_ ? UV_WRITABLE : 0);
  if (state_ == State::connecting) wanted = UV_WRITABLE;
  if (how == Watch::widen) {
    if ((wanted & ~watched_) == 0) return;
    wanted |= watched_ & (UV_READABLE | UV_WRITABLE);
  }
  if (wanted == 0 && watch_for_reset_) wanted = UV_PRIORITIZED;
  if (wanted == watched_) return;
  watched_ = wanted;
  if (wanted == 0) {
    uv_poll_stop(&poll_);
    return;
  }
  uv_poll_start(&poll_, wanted, [](uv_poll_t* handle, int status, int events) {
    static_cast<UvStream*>(handle->data)->on_poll(status, events);
  });
}

void UvStream::on_poll(int status, int events) {
  if (status == 0 && events == UV_READABLE && reading_ && accepted_ && !waits_ && kept_ == nullptr) {
    return read_for_later();
  }
  // Not before one of our own connects, which may be idle and no longer fit for the request that waits here.
  if (accepted_) loop_.hand_out_reads();
  // libuv has stopped watching: an error is pending, behind bytes that can still be read.
  bool broken = status < 0;
  if (broken) watched_ = 0;
  if (state_ == State::connecting) return finish_connect(socket_error(fd_));
  if (state_ != State::open) return;
  bool unwanted = (events & UV_READABLE) != 0 && !reading_;
  bool room = (events & UV_WRITABLE) != 0;
  if (broken && !reading_) {
    int error = socket_error(fd_);
    return fail_now(error == 0 ? StreamError::connection_reset : to_stream_error(error));
  }
  if (events == UV_PRIORITIZED) watch_for_reset_ = false;
  if (reading_ && (broken || (events & UV_READABLE) != 0)) read_once();
  if (state_ == State::open && room && std::exchange(want_write_, false)) handler_->on_writable();
  if (state_ != State::open) return;
  bool exact = broken || unwanted || room || ended_ || !watch_for_reset_;
  watch(exact ? Watch::exact : Watch::widen);
}

void UvStream::finish_connect(int error) {
  if (error != 0) return fail_now(to_stream_error(error));
  state_ = State::open;
  if (shut_) ::shutdown(fd_, SHUT_WR);
  handler_->on_connected();
  if (state_ != State::open) return;
  watch(Watch::exact);
}

// Into the room of the loop's reads.
ssize_t UvStream::receive() {
  // The C library's wrappers make a thread cancellable around each call, with two locked instructions and
  // some forty others. No thread of ours is ever cancelled.
  const ssize_t size =
      ::syscall(SYS_recvfrom, fd_, loop_.reads().room(), UvReads::read_bytes_max, 0, nullptr, nullptr);
  ++loop_.counters().reads;
  if (size > 0) loop_.counters().bytes_read += static_cast<uint64_t>(size);
  return size;
}

// With thousands of connections the one whose turn it is has left the caches; what its handler keeps comes
// back while another is worked on, or while the kernel reads.
void UvStream::prefetch() const { prefetch_front(handler_); }

void UvStream::read_once() {
  if (hand_out_kept()) return;
  prefetch();
  const ssize_t size = receive();
  if (size > 0) {
    handler_->on_read({loop_.reads().room(), static_cast<size_t>(size)});
  } else {
    after_nothing(size, errno);
  }
}

// Reads from an accepted stream whose only event is that it can be read from.
void UvStream::read_for_later() {
  assert(!loop_.handing_out_reads());
  if (announces_) handler_->expect_read();
  const ssize_t size = receive();
  if (size > 0) {
    waits_ = true;
    loop_.reads().add(*this, static_cast<size_t>(size));
    if (!loop_.reads().has_room_behind(0)) loop_.hand_out_reads();
    return;
  }
  const int error = errno;
  loop_.hand_out_reads();
  if (state_ != State::open) return;
  // An end is told again, an error is not.
  if (size < 0 || reading_) after_nothing(size, error);
  if (state_ == State::open) watch(Watch::exact);
}

void UvStream::hand_out(std::string_view bytes) {
  waits_ = false;
  if (state_ != State::open) return;
  if (!reading_) {
    kept_ = std::make_unique<std::string>(bytes);
    return;
  }
  handler_->on_read(bytes);
  if (state_ == State::open) watch(watch_for_reset_ ? Watch::widen : Watch::exact);
}

// False when nothing is kept.
bool UvStream::hand_out_kept() {
  const auto kept = std::move(kept_);
  if (kept != nullptr) handler_->on_read(*kept);
  return kept != nullptr;
}

void UvStream::after_nothing(ssize_t size, int error) {
  if (size == 0) {
    ended_ = true;
    reading_ = false;
    handler_->on_end();
  } else if (!is_temporary(error)) {
    fail_now(to_stream_error(error));
  }
}

size_t UvStream::write(std::span<const Slice> slices) {
  assert(slices.size() <= slices_max && !shut_);
  if (state_ == State::connecting) want_write_ = true;
  if (state_ != State::open) return 0;
  // The kernel takes one run of bytes for less than a list of one.
  if (slices.size() == 1 && slices[0].size() < splice_min) {
    return slices[0].empty() ? 0 : account(send_run(fd_, slices[0]));
  }
  return account(send_slices(fd_, slices, loop_.pages(), loop_.page_pipe()));
}

// What one write has come to; returns the bytes taken.
size_t UvStream::account(const Sent& sent) {
  loop_.counters().writes += sent.calls;
  loop_.counters().bytes_written += sent.taken;
  if (sent.error != 0 && !is_temporary(sent.error)) {
    fail_later(to_stream_error(sent.error));
    return 0;
  }
  if (sent.taken < sent.offered) {
    want_write_ = true;
    watch(Watch::widen);
  }
  return sent.taken;
}

void UvStream::shutdown_write() {
  if (std::exchange(shut_, true)) return;
  if (state_ == State::open) ::shutdown(fd_, SHUT_WR);
}

void UvStream::fail_now(StreamError error) {
  loop_.undefer(*this);
  state_ = State::failed;
  reading_ = false;
  if (polled_) uv_poll_stop(&poll_);
  handler_->on_error(error);
}

void UvStream::fail_later(StreamError error) {
  state_ = State::failed;
  reading_ = false;
  error_ = error;
  if (polled_) uv_poll_stop(&poll_);
  loop_.defer(*this);
}

void UvStream::run_deferred() {
  if (state_ == State::closing) return finish_close();
  if (state_ == State::connecting) return finish_connect(0);
  if (state_ == State::failed) return handler_->on_error(error_);
  if (state_ == State::open && reading_) hand_out_kept();
}

void UvStream::close() {
  if (state_ == State::closing) return;
  state_ = State::closing;
  loop_.undefer(*this);
  if (std::exchange(waits_, false)) loop_.reads().take(*this);
  if (!polled_) {
    loop_.defer(*this);
    return;
  }
  // libuv takes the descriptor out of its epoll set here; only then may its number be used again.
  uv_close(reinterpret_cast<uv_handle_t*>(&poll_),
           [](uv_handle_t* handle) { static_cast<UvStream*>(handle->data)->finish_close(); });
  ::close(std::exchange(fd_, -1));
}

void UvStream::reset() {
  if (state_ == State::closing) return;
  if (fd_ >= 0) {
    linger at_once{1, 0};
    ::setsockopt(fd_, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
  }
  close();
}

void UvStream::finish_close() {
  loop_.forget(*this);
  handler_->on_closed();
  delete this;
}

Address UvStream::local_address() const {
  SocketAddress local;
  if (fd_ < 0 || ::getsockname(fd_, local.get(), &local.size) != 0) return {};
  return from_socket_address(local.get());
}

}  // namespace perigee::net
