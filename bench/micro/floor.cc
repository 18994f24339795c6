// bench-floor: the yardstick for a cache hit. One thread, bare epoll: read, find the end of the request's
// head, write one fixed answer with a head as long as a real one and 1 KiB of body. Nothing is parsed, looked
// up or allocated, so what a server spends above this is its own.
//
// bench-floor --listen ADDRESS:PORT   (port 0: any); prints "listening ADDRESS:PORT" and ends on SIGTERM.
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>

namespace {

constexpr size_t body_bytes = 1024;
constexpr size_t pipelined_max = 64;

// One answer as an edge would give it: 250 bytes of head.
std::string make_answer() {
  std::string answer =
      "HTTP/1.1 200 OK\r\n"
      "content-type: application/octet-stream\r\n"
      "cache-control: max-age=3600\r\n"
      "etag: \"5f3c-1b2a3c4d5e6f\"\r\n"
      "last-modified: Sun, 06 Nov 1994 08:49:37 GMT\r\n"
      "date: Sun, 06 Nov 1994 08:49:37 GMT\r\n"
      "content-length: 1024\r\n"
      "age: 17\r\n"
      "cache-status: node; hit; ttl=3583\r\n"
      "\r\n";
  answer.append(body_bytes, 'x');
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

class Responder {
 public:
  Responder(int epoll, int listener) : epoll_(epoll), listener_(listener), answer_(make_answer()) {
    for (size_t i = 0; i < pipelined_max; ++i) answers_ += answer_;
  }

  void run() {
    std::array<epoll_event, 256> events;
    while (true) {
      const int count = epoll_wait(epoll_, events.data(), static_cast<int>(events.size()), -1);
      for (int i = 0; i < count; ++i) {
        const int ready = events[static_cast<size_t>(i)].data.fd;
        if (ready == listener_) {
          accept_all();
        } else {
          answer(ready);
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
    }
  }

  // A yardstick answers whole requests only: a request cut in two by the network, or more than fit one write,
  // end it.
  void answer(int socket) {
    const ssize_t got = recv(socket, buffer_.data(), buffer_.size(), 0);
    if (got <= 0) {
      close(socket);
      return;
    }
    const Heads heads = count_heads({buffer_.data(), static_cast<size_t>(got)});
    const size_t bytes = heads.count * answer_.size();
    const bool whole = heads.end == static_cast<size_t>(got) && heads.count <= pipelined_max;
    if (!whole || send(socket, answers_.data(), bytes, MSG_NOSIGNAL) != static_cast<ssize_t>(bytes))
      close(socket);
  }

  int epoll_;
  int listener_;
  std::string answer_;
  std::string answers_;
  std::array<char, 64 * 1024> buffer_{};
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
  const std::string_view where = argc == 3 && std::string_view(argv[1]) == "--listen" ? argv[2] : "";
  const int listener = listen_on(where);
  if (listener < 0) {
    std::fprintf(stderr, "bench-floor: cannot listen on \"%s\"; expected --listen ADDRESS:PORT\n",
                 where.data());
    return 2;
  }
  signal(SIGTERM, [](int) { _exit(0); });
  const int epoll = epoll_create1(EPOLL_CLOEXEC);
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.fd = listener;
  epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &event);
  Responder(epoll, listener).run();
  return 0;
}
