#include "bench/load/client.h"

#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

namespace perigee::load {

namespace {

constexpr size_t read_bytes = 256 * 1024;
// Of a herd, until the body has begun: when the last of a thousand had its first byte is a matter of the
// server, and not of how long we were busy with the others.
constexpr size_t first_read_bytes = 16 * 1024;
// A slow reader must not let the kernel read for it.
constexpr int slow_receive_buffer = 32 * 1024;

std::array<char, read_bytes>& read_buffer() {
  thread_local std::array<char, read_bytes> buffer;
  return buffer;
}

}  // namespace

int64_t monotonic_ns() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<int64_t>(now.tv_sec) * 1'000'000'000 + now.tv_nsec;
}

Client::~Client() {
  if (socket_ >= 0) ::close(socket_);
}

void Client::connect() {
  socket_ = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  last_byte_at_ = refilled_at_ = monotonic_ns();
  reader_.begin(options_.head_requests);
  if (socket_ < 0) return driver_.on_closed(*this, true);
  const int on = 1;
  setsockopt(socket_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  if (options_.rate != 0) {
    setsockopt(socket_, SOL_SOCKET, SO_RCVBUF, &slow_receive_buffer, sizeof slow_receive_buffer);
  }
  connecting_ = true;
  const auto* address = reinterpret_cast<const sockaddr*>(&options_.target);
  if (::connect(socket_, address, sizeof options_.target) != 0 && errno != EINPROGRESS) {
    return close(Ending::refused);
  }
  registered_ = false;
  watch();
}

void Client::watch() {
  const uint32_t wanted = (paused_ ? 0u : static_cast<uint32_t>(EPOLLIN)) |
                          (connecting_ || !unsent_.empty() ? static_cast<uint32_t>(EPOLLOUT) : 0u);
  if (registered_ && wanted == watched_) return;
  epoll_event event{};
  event.events = wanted;
  event.data.ptr = this;
  epoll_ctl(epoll_, registered_ ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, socket_, &event);
  registered_ = true;
  watched_ = wanted;
}

void Client::ask() {
  if (socket_ < 0 || connecting_) return;
  while (in_flight_.size() < options_.pipeline) {
    InFlight next;
    if (!driver_.next_request(*this, unsent_, next.request)) break;
    next.sent_at = monotonic_ns();
    if (in_flight_.empty()) last_byte_at_ = next.sent_at;
    in_flight_.push_back(std::move(next));
  }
  flush();
}

void Client::flush() {
  while (!unsent_.empty()) {
    const ssize_t sent = send(socket_, unsent_.data(), unsent_.size(), MSG_NOSIGNAL);
    if (sent < 0) break;  // a dead connection shows itself when it is read
    unsent_.erase(0, static_cast<size_t>(sent));
  }
  watch();
}

void Client::on_events(uint32_t events) {
  if (connecting_) return on_connect_result();
  if ((events & EPOLLOUT) != 0) flush();
  if ((events & (EPOLLIN | EPOLLHUP | EPOLLERR)) == 0) return;
  if (paused_ && (events & EPOLLERR) != 0) return on_end_of_stream(true);
  if (!paused_) read();
}

void Client::on_connect_result() {
  int error = 0;
  socklen_t size = sizeof error;
  getsockopt(socket_, SOL_SOCKET, SO_ERROR, &error, &size);
  if (error != 0) return close(Ending::refused);
  connecting_ = false;
  watch();
  driver_.on_connected(*this);
}

void Client::read() {
  auto& buffer = read_buffer();
  size_t wanted = options_.herd && awaits_first_byte() ? first_read_bytes : buffer.size();
  if (options_.rate != 0) wanted = static_cast<size_t>(std::min<int64_t>(allowance_, read_bytes));
  if (wanted == 0) {
    paused_ = true;
    return watch();
  }
  const ssize_t got = recv(socket_, buffer.data(), wanted, 0);
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (got <= 0) return on_end_of_stream(got < 0);
  last_byte_at_ = monotonic_ns();
  if (options_.rate != 0) allowance_ -= got;
  if (take({buffer.data(), static_cast<size_t>(got)})) ask();
}

// False when the connection did not outlive the bytes.
bool Client::take(std::string_view bytes) {
  while (true) {
    if (in_flight_.empty() && !bytes.empty()) {
      on_answer_to_nothing();
      return false;
    }
    const ResponseReader::Step step = reader_.next(bytes);
    bytes.remove_prefix(step.used);
    switch (step.event) {
      case ResponseReader::Event::need_more:
        return true;
      case ResponseReader::Event::malformed:
        close(Ending::malformed);
        return false;
      case ResponseReader::Event::head:
        begin_response();
        break;
      case ResponseReader::Event::body:
        take_body(step.body);
        if (options_.leave_after != 0 && outcome_.body_bytes >= options_.leave_after) {
          close(Ending::left);
          return false;
        }
        break;
      case ResponseReader::Event::end: {
        const bool last = reader_.head().close || options_.reconnect;
        finish_front(Ending::complete);
        if (last) {
          close(Ending::closed_unanswered);
          return false;
        }
        if (in_flight_.empty() && bytes.empty()) return true;
        break;
      }
    }
  }
}

void Client::on_answer_to_nothing() {
  Outcome outcome;
  outcome.client = options_.index;
  outcome.ending = Ending::malformed;
  driver_.on_outcome(*this, outcome);
  close(Ending::malformed);
}

void Client::begin_response() {
  outcome_ = Outcome{};
  outcome_.status = reader_.head().status;
  if (options_.verify && (outcome_.status == 200 || outcome_.status == 206)) {
    progress_ = driver_.body_check().begin(reader_.head(), in_flight_.front().request.expected_id);
  } else {
    progress_ = {};
  }
}

void Client::take_body(std::string_view bytes) {
  if (outcome_.first_body_at == 0) outcome_.first_body_at = last_byte_at_;
  outcome_.body_bytes += bytes.size();
  driver_.on_body_bytes(bytes.size());
  if (options_.verify) driver_.body_check().body(progress_, bytes);
}

void Client::finish_front(Ending ending) {
  InFlight front = std::move(in_flight_.front());
  in_flight_.pop_front();
  if (ending == Ending::complete && options_.verify && !options_.head_requests) {
    driver_.body_check().end(progress_);
  }
  outcome_.number = front.request.number;
  outcome_.client = options_.index;
  outcome_.ending = ending;
  outcome_.fault = progress_.fault;
  outcome_.sent_at = front.sent_at;
  outcome_.due_at = front.request.due_at != 0 ? front.request.due_at : front.sent_at;
  outcome_.done_at = monotonic_ns();
  if (outcome_.status != 0) {
    const std::string_view all = reader_.head().find("cache-status");
    const size_t comma = all.rfind(',');
    outcome_.cache_status = comma == std::string_view::npos ? all : all.substr(comma + 1);
  }
  const Outcome finished = outcome_;
  outcome_ = Outcome{};
  progress_ = {};
  driver_.on_outcome(*this, finished);
  reader_.begin(options_.head_requests);
}

void Client::on_end_of_stream(bool reset) {
  if (in_flight_.empty()) return close(Ending::closed_unanswered);
  if (!reset && reader_.ended_by_close()) {
    finish_front(Ending::complete);
    return close(Ending::closed_unanswered);
  }
  close(reader_.untouched() ? Ending::closed_unanswered : Ending::cut);
}

void Client::close(Ending ending) {
  const bool never_stood = connecting_;
  ::close(socket_);
  socket_ = -1;
  connecting_ = paused_ = false;
  unsent_.clear();
  // Only the first can have been under way; those behind it got nothing.
  while (!in_flight_.empty()) {
    finish_front(ending);
    if (ending == Ending::cut) ending = Ending::closed_unanswered;
  }
  driver_.on_closed(*this, never_stood);
}

void Client::on_tick(int64_t now) {
  if (socket_ < 0) return;
  if (options_.rate != 0) {
    const auto rate = static_cast<int64_t>(options_.rate);
    // At most a tenth of a second is saved up: a slow reader that waited does not catch up in a burst.
    const int64_t earned = (now - refilled_at_) / 1000 * rate / 1'000'000;
    if (earned > 0) refilled_at_ = now;
    allowance_ = std::min(allowance_ + earned, rate / 10 + 1);
    if (paused_ && allowance_ > 0) {
      paused_ = false;
      watch();
    }
  }
  const bool waiting = connecting_ || !in_flight_.empty();
  if (waiting && now - last_byte_at_ > options_.timeout_ns) {
    close(connecting_ ? Ending::connect_timeout : Ending::timeout);
  }
}

}  // namespace perigee::load
