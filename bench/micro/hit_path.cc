// The path of a hit, to be counted by callgrind: one worker of the edge with its loop and a listener on
// loopback, and one client in the same process. No configuration and no origin, so that little is compiled
// for it.
//
//   bench-hit-path ROUNDS [PIPELINED]
//
// In each round the client sends so many requests in one write (one without a number) and reads their
// answers. Every answer is checked to be the stored one. Ends with a line of JSON: what the loop counted. Two
// runs of different length differ by what their rounds cost and by nothing else; script/benchmarks/counts.py
// takes the difference, of the instructions within UvLoop::run() alone.
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>

#include "edge/base/hash.h"
#include "edge/net/uv_io.h"
#include "edge/proxy/edge_handler.h"
#include "edge/serve/server.h"

using namespace perigee;

namespace {

constexpr std::string_view request =
    "GET /assets/site.css?v=7 HTTP/1.1\r\nhost: www.example.org\r\nuser-agent: count/1\r\naccept: */*\r\n"
    "accept-encoding: gzip, br\r\n\r\n";
constexpr std::string_view key = "http://www.example.org/assets/site.css?v=7";
constexpr std::string_view head =
    "HTTP/1.1 200 OK\r\ndate: Sun, 06 Nov 1994 08:49:37 GMT\r\ncontent-type: text/css\r\n"
    "etag: \"5f3c-1b2a3c4d5e6f\"\r\nlast-modified: Sun, 06 Nov 1994 08:49:37 GMT\r\n"
    "cache-control: max-age=3600\r\n";
constexpr size_t body_bytes = 1024;

[[noreturn]] void give_up(const char* why) {
  std::fprintf(stderr, "bench-hit-path: %s\n", why);
  std::exit(1);
}

struct NoOutcomes final : proxy::OutcomeSink {
  void peer_outcome(cluster::PeerId, cluster::PeerOutcome) override {}
  void peer_draining(cluster::PeerId, bool) override {}
};
struct NoLog final : proxy::ExchangeLog {
  bool wants(Random&, std::optional<double>) const override { return false; }
  void record(const proxy::ExchangeRecord&) override {}
};
struct NoControl final : proxy::PeerControl {
  void on_control_request(serve::ServerExchange&) override {}
};
struct NoGroups final : proxy::GroupInvalidator {
  void invalidate_groups(proxy::OriginGroups, net::Loop&, Done) override {}
};

std::shared_ptr<const proxy::Snapshot> make_snapshot() {
  auto site = std::make_shared<proxy::Site>();
  site->name = "site";
  site->hosts = {"www.example.org", "*.example.net"};
  auto sites = proxy::SiteTable::build({std::move(site)});
  if (!sites) give_up("no sites");
  auto snapshot = std::make_shared<proxy::Snapshot>();
  snapshot->node_name = "edge";
  snapshot->cdn_id = "perigee-edge";
  snapshot->sites = std::move(*sites);
  return snapshot;
}

void store_answer(cache::Store& store) {
  cache::Draft draft;
  draft.key = {key, hash64(key)};
  draft.head = head;
  draft.meta.status = 200;
  draft.meta.freshness_lifetime = 1'000'000;
  draft.meta.set_response_time(WallTime(
      std::chrono::floor<std::chrono::milliseconds>(std::chrono::system_clock::now().time_since_epoch())));
  store.begin(draft, std::string(body_bytes, 'x')).commit();
}

class Client {
 public:
  explicit Client(uint16_t port) : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(port);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const int on = 1;
    ::setsockopt(socket_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (::connect(socket_, reinterpret_cast<const sockaddr*>(&to), sizeof to) != 0) give_up("cannot connect");
  }
  ~Client() { ::close(socket_); }

  // One round: all requests, then all answers.
  void ask(size_t times) {
    while (requests_.size() < times * request.size()) requests_ += request;
    const std::string_view sent(requests_.data(), times * request.size());
    if (::send(socket_, sent.data(), sent.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(sent.size()))
      give_up("cannot send");
    received_.clear();
    for (size_t answers = 0; answers < times; answers = count_answers()) {
      char buffer[16 * 1024];
      const ssize_t got = ::recv(socket_, buffer, sizeof buffer, 0);
      if (got <= 0) give_up("the connection has ended");
      received_.append(buffer, static_cast<size_t>(got));
    }
  }

 private:
  // Whole answers so far, each found to be a hit.
  size_t count_answers() const {
    std::string_view left = received_;
    size_t answers = 0;
    for (size_t end = left.find("\r\n\r\n"); end != std::string_view::npos; end = left.find("\r\n\r\n")) {
      if (!left.starts_with(head) ||
          left.substr(0, end).find("cache-status: edge; hit; ttl=") == std::string_view::npos)
        give_up("an answer that is no hit");
      if (left.size() < end + 4 + body_bytes) break;
      left.remove_prefix(end + 4 + body_bytes);
      ++answers;
    }
    return answers;
  }

  int socket_;
  std::string requests_;
  std::string received_;
};

}  // namespace

int main(int argc, char** argv) {
  const size_t rounds = argc > 1 ? static_cast<size_t>(std::atoll(argv[1])) : 1;
  const size_t pipelined = argc > 2 ? static_cast<size_t>(std::atoll(argv[2])) : 1;
  MetricShard metrics;
  cache::Store store(cache::StoreOptions{16ull << 20});
  cache::FillTable fills(store, {});
  cache::RunTable runs(fills);
  NoOutcomes outcomes;
  NoLog log;
  NoControl control;
  NoGroups groups;
  std::atomic<uint32_t> peer_requests_waiting{0};
  proxy::HotCopies hot_copies(store, 0);
  store_answer(store);
  net::UvIo io;
  net::Loop& loop = io.add_loop("worker");
  const proxy::NodeParts parts{.store = store,
                               .fills = fills,
                               .runs = runs,
                               .outcomes = outcomes,
                               .exchange_log = log,
                               .log = Log(),
                               .control = control,
                               .groups = groups,
                               .peer_requests_waiting = peer_requests_waiting,
                               .hot_copies = hot_copies,
                               .hot_keys = {},
                               .workers = 1};
  proxy::Worker worker(loop, parts, metrics, http::HeadLimits(), make_snapshot());
  proxy::EdgeHandler handler(worker, proxy::EdgeHandler::Listener::client);
  serve::ServerOptions options;
  options.address = net::Address::parse("127.0.0.1:0").value();
  options.requests_per_connection_max = ~0u;
  serve::Server server(loop, options, handler, metrics);
  worker.begin_turns();
  const auto address = server.listen();
  if (!address) give_up("cannot listen");
  io.start();
  {
    Client client(address->port);
    for (size_t i = 0; i < rounds; ++i) client.ask(pipelined);
  }
  io.stop();
  const net::IoCounters& counters = loop.counters();
  std::printf("{\"hits\":%zu,\"reads\":%lu,\"writes\":%lu,\"wakeups\":%lu}\n", rounds * pipelined,
              counters.reads, counters.writes, counters.wakeups);
  return 0;
}
