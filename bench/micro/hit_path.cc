// The path of a hit, to be counted by callgrind: one worker of the edge with its loop and a listener on
// loopback, and one client in the same process. No configuration and no origin, so that little is compiled
// for it.
//
//   bench-hit-path ROUNDS [TOGETHER [h2]]
//
// In each round the client sends so many requests in one write (one without a number), pipelined or, with
// "h2", as streams of one HTTP/2 connection, and reads their answers. Every answer is checked to be the
// stored one. Ends with a line of JSON: what the loop counted. Two runs of different length differ by what
// their rounds cost and by nothing else; script/benchmarks/counts.py takes the difference, of the
// instructions within UvLoop::run() alone.
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>

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
  virtual ~Client() { ::close(socket_); }
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  // One round: all requests, then all answers.
  void ask(size_t times) {
    const std::string_view sent = requests(times);
    if (::send(socket_, sent.data(), sent.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(sent.size()))
      give_up("cannot send");
    received_.clear();
    for (size_t answers = 0; answers < times; answers = count_answers(received_)) {
      char buffer[16 * 1024];
      const ssize_t got = ::recv(socket_, buffer, sizeof buffer, 0);
      if (got <= 0) give_up("the connection has ended");
      received_.append(buffer, static_cast<size_t>(got));
    }
  }

 private:
  virtual std::string_view requests(size_t times) = 0;
  // Whole answers in what was received of a round, each found to be the stored one.
  virtual size_t count_answers(std::string_view received) const = 0;

  int socket_;
  std::string received_;
};

class H1Client final : public Client {
 public:
  using Client::Client;

 private:
  std::string_view requests(size_t times) override {
    while (requests_.size() < times * request.size()) requests_ += request;
    return std::string_view(requests_).substr(0, times * request.size());
  }
  size_t count_answers(std::string_view left) const override {
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

  std::string requests_;
};

// The same request in frames. Its fields go into the table of the connection with the first one and are told
// by number from then on, as clients do (RFC 7541 6.1, 6.2.1). Allocates nothing from the second round on,
// since allocations are counted for the whole process.
class H2Client final : public Client {
 public:
  using Client::Client;

 private:
  enum Type : uint8_t { data = 0, headers = 1, rst_stream = 3, settings = 4, goaway = 7, window_update = 8 };
  static constexpr uint8_t ends_stream = 1;
  static constexpr uint8_t ack = 1;
  static constexpr uint8_t ends_head = 4;
  static constexpr size_t frame_head_bytes = 9;

  void add_number(uint32_t value, int bytes) {
    for (int i = bytes - 1; i >= 0; --i) requests_.push_back(static_cast<char>(value >> (8 * i)));
  }
  void add_frame_head(size_t size, Type type, uint8_t flags, uint32_t stream) {
    add_number(static_cast<uint32_t>(size), 3);
    requests_.push_back(static_cast<char>(type));
    requests_.push_back(static_cast<char>(flags));
    add_number(stream, 4);
  }
  void add_request(std::string_view fields) {
    add_frame_head(fields.size(), headers, ends_stream | ends_head, next_stream_);
    requests_.append(fields);
    next_stream_ += 2;
  }
  // With a name of the fixed table, to be remembered.
  static std::string remembered(uint8_t name, std::string_view value) {
    return std::string{static_cast<char>(0x40 | name), static_cast<char>(value.size())} + std::string(value);
  }
  void say_hello() {
    requests_ = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
    add_frame_head(0, settings, 0, 0);
    add_frame_head(0, settings, ack, 0);
    // All the window there can be, so that none need be given later.
    constexpr uint32_t default_window = 65'535;
    add_frame_head(4, window_update, 0, 0);
    add_number(0x7fffffff - default_window, 4);
    // Method GET, scheme http, and the rest.
    add_request("\x82\x86" + remembered(4, "/assets/site.css?v=7") + remembered(1, "www.example.org") +
                remembered(58, "count/1") + remembered(19, "*/*") + remembered(16, "gzip, br"));
  }

  std::string_view requests(size_t times) override {
    requests_.clear();
    size_t left = times;
    if (next_stream_ == 1) {
      say_hello();
      --left;
    }
    for (; left > 0; --left) add_request("\x82\x86\xc2\xc1\xc0\xbf\xbe");
    return requests_;
  }
  size_t count_answers(std::string_view left) const override {
    size_t answers = 0;
    while (left.size() >= frame_head_bytes) {
      const auto at = [&](size_t i) { return static_cast<uint8_t>(left[i]); };
      const size_t size = size_t{at(0)} << 16 | size_t{at(1)} << 8 | at(2);
      if (left.size() < frame_head_bytes + size) break;
      const std::string_view payload = left.substr(frame_head_bytes, size);
      const bool ends = (at(4) & ends_stream) != 0;
      if (at(3) == goaway || at(3) == rst_stream) give_up("an answer that was broken off");
      // Status 200 by its number in the fixed table; that it is a hit is counted by the node.
      if (at(3) == headers && (ends || payload.front() != '\x88')) give_up("an answer that is no hit");
      if (at(3) == data && (!ends || payload != content_)) give_up("an answer of other content");
      answers += at(3) == data ? 1 : 0;
      left.remove_prefix(frame_head_bytes + size);
    }
    return answers;
  }

  const std::string content_ = std::string(body_bytes, 'x');
  std::string requests_;
  uint32_t next_stream_ = 1;
};

}  // namespace

int main(int argc, char** argv) {
  const size_t rounds = argc > 1 ? static_cast<size_t>(std::atoll(argv[1])) : 1;
  const size_t together = argc > 2 ? static_cast<size_t>(std::atoll(argv[2])) : 1;
  const bool http2 = argc > 3 && std::string_view(argv[3]) == "h2";
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
  options.http2_clear = http2;
  serve::Server server(loop, options, handler, metrics);
  worker.begin_turns();
  const auto address = server.listen();
  if (!address) give_up("cannot listen");
  io.start();
  {
    std::unique_ptr<Client> client;
    if (http2) {
      client = std::make_unique<H2Client>(address->port);
    } else {
      client = std::make_unique<H1Client>(address->port);
    }
    for (size_t i = 0; i < rounds; ++i) client->ask(together);
  }
  io.stop();
  if (metrics.read(Metric::requests_hit) != rounds * together) give_up("not every answer was a hit");
  const net::IoCounters& counters = loop.counters();
  std::printf("{\"hits\":%zu,\"reads\":%lu,\"writes\":%lu,\"wakeups\":%lu}\n", rounds * together,
              counters.reads, counters.writes, counters.wakeups);
  return 0;
}
