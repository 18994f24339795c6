#include "edge/net/uv_resolver.h"

#include <sys/time.h>

#include <algorithm>
#include <utility>

#include "edge/net/resolved_order.h"
#include "edge/net/socket_address.h"

namespace perigee::net {
namespace {

constexpr Duration literal_ttl = std::chrono::hours(24);
constexpr Duration unknown_ttl = std::chrono::seconds(5);

// A look-up under way. c-ares cannot give up a single question, so what is left of a cancelled one waits for
// its answer.
struct Lookup final : UvDeferred, std::enable_shared_from_this<Lookup> {
  Lookup(UvLoop& loop_, std::string host_, uint16_t port_, ResolveHandler& handler_)
      : loop(loop_), host(std::move(host_)), port(port_), handler(&handler_) {}

  // The answer may come from inside the question; the handler hears of it from the loop.
  void finish(Result<Resolved> with) {
    if (handler == nullptr) return;
    result = std::move(with);
    loop.defer(*this);
  }
  void run_deferred() override {
    if (handler != nullptr) std::exchange(handler, nullptr)->on_resolved(std::move(result));
  }
  void cancel() {
    handler = nullptr;
    if (is_deferred()) loop.undefer(*this);
  }

  UvLoop& loop;
  std::string host;
  uint16_t port;
  ResolveHandler* handler;
  Result<Resolved> result;
  std::shared_ptr<Lookup> self;  // while c-ares knows it
};

class Request final : public ResolveRequest {
 public:
  explicit Request(std::shared_ptr<Lookup> lookup) : lookup_(std::move(lookup)) {}
  ~Request() override { lookup_->cancel(); }

 private:
  std::shared_ptr<Lookup> lookup_;
};

Result<Resolved> read_answer(const Lookup& lookup, int status, const ares_addrinfo* answer) {
  if (status != ARES_SUCCESS) {
    std::string_view code = status == ARES_ETIMEOUT ? "dns_timeout" : "dns_error";
    return fail(Side::upstream, code, lookup.host + ": " + ares_strerror(status));
  }
  Resolved resolved;
  int ttl_seconds = 0;
  for (const auto* node = answer->nodes; node != nullptr; node = node->ai_next) {
    resolved.addresses.push_back(from_socket_address(node->ai_addr).with_port(lookup.port));
    if (node->ai_ttl > 0) ttl_seconds = ttl_seconds == 0 ? node->ai_ttl : std::min(ttl_seconds, node->ai_ttl);
  }
  if (resolved.addresses.empty()) return fail(Side::upstream, "dns_error", lookup.host + ": no addresses");
  interleave_families(resolved.addresses);
  resolved.ttl = ttl_seconds > 0 ? Duration(std::chrono::seconds(ttl_seconds)) : unknown_ttl;
  return resolved;
}

void on_answer(void* arg, int status, int, ares_addrinfo* answer) {
  auto lookup = std::exchange(static_cast<Lookup*>(arg)->self, nullptr);
  if (status == ARES_EDESTRUCTION) return lookup->cancel();
  lookup->finish(read_answer(*lookup, status, answer));
  if (answer != nullptr) ares_freeaddrinfo(answer);
}

}  // namespace

// A socket of c-ares that we watch for it; gone when libuv has let go.
struct UvResolver::Socket {
  uv_poll_t poll;
  UvResolver* resolver;
  ares_socket_t fd;
};

UvResolver::UvResolver(UvLoop& loop, const UvIoOptions& options) : loop_(loop) {
  ares_library_init(ARES_LIB_INIT_ALL);
  char lookups[] = "fb";
  ares_options settings{};
  settings.timeout =
      static_cast<int>(std::chrono::ceil<std::chrono::milliseconds>(options.dns_timeout).count());
  settings.tries = options.dns_tries;
  settings.lookups = lookups;
  settings.sock_state_cb_data = this;
  settings.sock_state_cb = [](void* self, ares_socket_t fd, int readable, int writable) {
    static_cast<UvResolver*>(self)->watch(fd, readable != 0, writable != 0);
  };
  int mask = ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_LOOKUPS | ARES_OPT_SOCK_STATE_CB;
  if (ares_init_options(&channel_, &settings, mask) != ARES_SUCCESS) {
    channel_ = nullptr;
    return;
  }
  std::string servers;
  for (const std::string& server : options.nameservers) servers += (servers.empty() ? "" : ",") + server;
  if (!servers.empty()) ares_set_servers_ports_csv(channel_, servers.c_str());
}

UvResolver::~UvResolver() {
  if (channel_ != nullptr) ares_destroy(channel_);
  ares_library_cleanup();
}

std::unique_ptr<ResolveRequest> UvResolver::resolve(std::string_view host, uint16_t port,
                                                    ResolveHandler& handler) {
  auto lookup = std::make_shared<Lookup>(loop_, std::string(host), port, handler);
  if (auto literal = Address::parse_ip(host, port)) {
    lookup->finish(Resolved{{*literal}, literal_ttl});
  } else if (channel_ == nullptr) {
    lookup->finish(fail(Side::upstream, "dns_error", lookup->host + ": the resolver could not be set up"));
  } else {
    lookup->self = lookup;
    ask(lookup->host, lookup.get());
  }
  return std::make_unique<Request>(std::move(lookup));
}

void UvResolver::ask(const std::string& host, void* lookup) {
  ares_addrinfo_hints hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  ares_getaddrinfo(channel_, host.c_str(), nullptr, &hints, on_answer, lookup);
  set_timer();
}

void UvResolver::watch(ares_socket_t fd, bool readable, bool writable) {
  auto known = sockets_.find(fd);
  if (!readable && !writable) {
    if (known == sockets_.end()) return;
    uv_close(reinterpret_cast<uv_handle_t*>(&known->second->poll),
             [](uv_handle_t* handle) { delete static_cast<Socket*>(handle->data); });
    sockets_.erase(known);
    return;
  }
  if (known == sockets_.end()) {
    auto socket = std::make_unique<Socket>();
    if (uv_poll_init(loop_.uv(), &socket->poll, fd) != 0) return;
    socket->poll.data = socket.get();
    socket->resolver = this;
    socket->fd = fd;
    known = sockets_.emplace(fd, socket.release()).first;
  }
  int events = (readable ? UV_READABLE : 0) | (writable ? UV_WRITABLE : 0);
  uv_poll_start(&known->second->poll, events, [](uv_poll_t* handle, int status, int ready) {
    auto& socket = *static_cast<Socket*>(handle->data);
    UvResolver& resolver = *socket.resolver;
    // An error shows when c-ares reads.
    bool read = status < 0 || (ready & UV_READABLE) != 0;
    bool write = status < 0 || (ready & UV_WRITABLE) != 0;
    ares_process_fd(resolver.channel_, read ? socket.fd : ARES_SOCKET_BAD,
                    write ? socket.fd : ARES_SOCKET_BAD);
    resolver.set_timer();
  });
}

void UvResolver::set_timer() {
  timeval room{};
  timeval* next = ares_timeout(channel_, nullptr, &room);
  if (next == nullptr) return timer_.cancel();
  Duration wait = std::chrono::seconds(next->tv_sec) + std::chrono::microseconds(next->tv_usec);
  loop_.timers().arm(timer_, loop_.now() + std::max<Duration>(wait, std::chrono::milliseconds(1)));
}

void UvResolver::on_timer(Timer&) {
  ares_process_fd(channel_, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
  set_timer();
}

}  // namespace perigee::net
