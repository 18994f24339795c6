// bench-floor: the yardstick for a cache hit. One thread, bare epoll: read, find the end of the request's
// head, write one fixed answer with a head as long as a real one. Nothing is parsed, looked up or allocated,
// so what a server spends above this is its own.
//
// bench-floor --listen ADDRESS:PORT [--body BYTES]
//
// Port 0: any; prints "listening ADDRESS:PORT" and ends on SIGTERM. A body of at most 64 KiB (1 KiB without
// --body) lies behind its head and goes out with one send. A longer one lies in blocks of 64 KiB, as a store
// that frees memory in parts would have it, and goes out with sendmsg; what the kernel does not take at once
// is sent when there is room.
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

namespace {

constexpr size_t block_bytes = 64 * 1024;
constexpr size_t pipelined_max = 64;

// One answer's head as an edge would give it: 250 bytes.
std::string make_head(size_t body_bytes) {
  std::string answer =
      "HTTP/1.1 200 OK\r\n"
      "content-type: application/octet-stream\r\n"
      "cache-control: max-age=3600\r\n"
      "etag: \"5f3c-1b2a3c4d5e6f\"\r\n"
      "last-modified: Sun, 06 Nov 1994 08:49:37 GMT\r\n"
      "date: Sun, 06 Nov 1994 08:49:37 GMT\r\n"
      "age: 17\r\n"
      "via: 1.1 node\r\n"
      "cache-status: node; hit; ttl=3583\r\n"
      "content-length: ";
  answer.append(std::to_string(body_bytes)).append("\r\n\r\n");
  return answer;
}

// How many request heads end in the bytes, and where the last one does.
struct Heads {
  size_t count = 0;
  size_t end = 0;
};
Heads count_heads(std::string_view bytes) {
  Heads heads;
  for (size_t at = bytes.find("\r\n\r\n"); at != std::string_view::npos;
       at = bytes.find("\r\n\r\n", at + 4)) {
    ++heads.count;
    heads.end = at + 4;
  }
  return heads;
}

// Waits for events and accepts; what a connection is told is the affair of Answers.
template <typename Answers>
class Responder {
 public:
  Responder(int epoll, int listener, size_t body_bytes)
      : epoll_(epoll), listener_(listener), answers_(epoll, body_bytes) {}

  void run() {
    std::array<epoll_event, 256> events;
    while (true) {
      const int count = epoll_wait(epoll_, events.data(), static_cast<int>(events.size()), -1);
      for (int i = 0; i < count; ++i) {
        const epoll_event& event = events[static_cast<size_t>(i)];
        if (event.data.fd == listener_) {
          accept_all();
        } else {
          answer(event);
        }
      }
    }
  }

 private:
  void accept_all() {
    while (true) {
      const int socket = accept4(listener_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
      if (socket < 0) return;
      const int on = 1;
      setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
      epoll_event event{};
      event.events = EPOLLIN;
      event.data.fd = socket;
      epoll_ctl(epoll_, EPOLL_CTL_ADD, socket, &event);
      answers_.begin(socket);
    }
  }

  // A yardstick answers whole requests only: a request cut in two by the network ends it.
  void answer(const epoll_event& event) {
    const int socket = event.data.fd;
    if ((event.events & EPOLLOUT) != 0) {
      if (!answers_.go_on(socket)) close(socket);
      return;
    }
    const ssize_t got = recv(socket, buffer_.data(), buffer_.size(), 0);
    if (got <= 0) {
      close(socket);
      return;
    }
    const Heads heads = count_heads({buffer_.data(), static_cast<size_t>(got)});
    if (heads.end != static_cast<size_t>(got) || !answers_.give(socket, heads.count)) close(socket);
  }

  int epoll_;
  int listener_;
  Answers answers_;
  std::array<char, 64 * 1024> buffer_{};
};

// Answers in one piece of memory, up to 64 of them in one write. More, or a write that is not taken, ends the
// connection.
class FlatAnswers {
 public:
  FlatAnswers(int, size_t body_bytes) : one_(make_head(body_bytes) + std::string(body_bytes, 'x')) {
    for (size_t i = 0; i < pipelined_max; ++i) all_ += one_;
  }
  void begin(int) {}
  bool give(int socket, size_t count) {
    const size_t bytes = count * one_.size();
    return count <= pipelined_max &&
           send(socket, all_.data(), bytes, MSG_NOSIGNAL) == static_cast<ssize_t>(bytes);
  }
  bool go_on(int) { return false; }

 private:
  std::string one_;
  std::string all_;
};

// Answers in blocks, each connection somewhere in the middle of its own.
class BlockAnswers {
 public:
  BlockAnswers(int epoll, size_t body_bytes) : epoll_(epoll), head_(make_head(body_bytes)) {
    pieces_.push_back({head_.data(), head_.size()});
    for (size_t left = body_bytes; left > 0; left -= std::min(left, block_bytes)) {
      blocks_.emplace_back(std::min(left, block_bytes), 'x');
    }
    for (std::string& block : blocks_) pieces_.push_back({block.data(), block.size()});
    bytes_ = head_.size() + body_bytes;
  }

  void begin(int socket) {
    if (connections_.size() <= static_cast<size_t>(socket))
      connections_.resize(static_cast<size_t>(socket) + 1);
    connections_[static_cast<size_t>(socket)] = {};
  }
  bool give(int socket, size_t count) {
    connections_[static_cast<size_t>(socket)].owed += count;
    return connections_[static_cast<size_t>(socket)].waits || go_on(socket);
  }
  // Writes until all is out or the kernel is full.
  bool go_on(int socket) {
    Connection& connection = connections_[static_cast<size_t>(socket)];
    while (connection.owed > 0) {
      const size_t count = gather(connection.at);
      msghdr message{};
      message.msg_iov = vectors_.data();
      message.msg_iovlen = count;
      const ssize_t sent = sendmsg(socket, &message, MSG_NOSIGNAL);
      if (sent < 0 && errno == EAGAIN) return wait(socket, connection, true);
      if (sent < 0) return false;
      connection.at += static_cast<size_t>(sent);
      if (connection.at < bytes_) return wait(socket, connection, true);
      connection.at = 0;
      --connection.owed;
    }
    return wait(socket, connection, false);
  }

 private:
  struct Connection {
    size_t owed = 0;  // answers
    size_t at = 0;    // bytes of the first that are out
    bool waits = false;
  };

  // The rest of an answer.
  size_t gather(size_t at) {
    size_t count = 0;
    for (const iovec& piece : pieces_) {
      if (at >= piece.iov_len) {
        at -= piece.iov_len;
        continue;
      }
      vectors_[count++] = {static_cast<char*>(piece.iov_base) + at, piece.iov_len - at};
      at = 0;
      if (count == vectors_.size()) break;
    }
    return count;
  }

  bool wait(int socket, Connection& connection, bool wanted) {
    if (connection.waits == wanted) return true;
    connection.waits = wanted;
    epoll_event event{};
    event.events = wanted ? EPOLLOUT : EPOLLIN;
    event.data.fd = socket;
    return epoll_ctl(epoll_, EPOLL_CTL_MOD, socket, &event) == 0;
  }

  int epoll_;
  std::string head_;
  std::vector<std::string> blocks_;
  std::vector<iovec> pieces_;
  size_t bytes_ = 0;
  std::vector<Connection> connections_;  // by descriptor
  std::array<iovec, 256> vectors_{};
};

int listen_on(std::string_view text) {
  const size_t colon = text.rfind(':');
  sockaddr_in address{};
  address.sin_family = AF_INET;
  if (colon == std::string_view::npos ||
      inet_pton(AF_INET, std::string(text.substr(0, colon)).c_str(), &address.sin_addr) != 1) {
    return -1;
  }
  address.sin_port = htons(static_cast<uint16_t>(std::atoi(std::string(text.substr(colon + 1)).c_str())));
  const int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  const int on = 1;
  setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  auto* raw = reinterpret_cast<sockaddr*>(&address);
  if (bind(listener, raw, sizeof address) != 0 || listen(listener, 1024) != 0) return -1;
  socklen_t size = sizeof address;
  getsockname(listener, raw, &size);
  char host[INET_ADDRSTRLEN] = {};
  inet_ntop(AF_INET, &address.sin_addr, host, sizeof host);
  std::printf("listening %s:%d\n", host, ntohs(address.sin_port));
  std::fflush(stdout);
  return listener;
}

}  // namespace

int main(int argc, char** argv) {
  std::string_view where;
  size_t body_bytes = 1024;
  for (int i = 1; i + 1 < argc; i += 2) {
    const std::string_view name = argv[i];
    if (name == "--listen") where = argv[i + 1];
    if (name == "--body") body_bytes = static_cast<size_t>(std::atoll(argv[i + 1]));
  }
  const int listener = listen_on(where);
  if (listener < 0) {
    std::fprintf(stderr, "bench-floor: cannot listen on \"%.*s\"; expected --listen ADDRESS:PORT\n",
                 static_cast<int>(where.size()), where.data());
    return 2;
  }
  signal(SIGTERM, [](int) { _exit(0); });
  const int epoll = epoll_create1(EPOLL_CLOEXEC);
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.fd = listener;
  epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &event);
  if (body_bytes > block_bytes) {
    Responder<BlockAnswers>(epoll, listener, body_bytes).run();
  } else {
    Responder<FlatAnswers>(epoll, listener, body_bytes).run();
  }
  return 0;
}
