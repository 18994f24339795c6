#include "edge/control/origin_prober.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "edge/base/jitter.h"
#include "edge/proxy/origin_tls.h"
#include "edge/proxy/upstream_connection.h"

namespace perigee::control {

namespace {

bool is_good(int status) { return status >= 200 && status < 400; }

std::string request_head(const proxy::OriginGroup& group, const proxy::OriginServer& server) {
  const std::string host = group.host_header.empty() ? server.address() : group.host_header;
  return fmt::format(
      "GET {} HTTP/1.1\r\nhost: {}\r\nuser-agent: perigee-probe\r\naccept: */*\r\nconnection: close\r\n\r\n",
      group.probe_path, host);
}

}  // namespace

// One question. Belongs to the prober, which it tells what came of it.
class OriginProber::Probe final : private proxy::UpstreamHandler,
                                  private proxy::ConnectHandler,
                                  private net::ResolveHandler,
                                  private net::TimerHandler {
 public:
  Probe(OriginProber& prober, const Server& server, std::optional<proxy::ConnectTls> tls)
      : prober_(prober),
        record_(server.record),
        head_(request_head(*server.group, *server.server)),
        tls_(std::move(tls)),
        timeout_(server.group->probe_timeout),
        began_(prober.loop_.now()) {
    prober_.probes_.insert(this);
  }
  ~Probe() {
    prober_.probes_.erase(this);
    if (connection_ != nullptr) connection_->close();
  }

  // Does not end before this returns.
  void start(const proxy::OriginServer& server) {
    prober_.loop_.timers().arm(timer_, began_ + timeout_);
    if (const auto literal = net::Address::parse_ip(server.host, server.port)) return connect({*literal});
    resolving_ = prober_.resolver_.resolve(server.host, server.port, *this);
  }

 private:
  void on_resolved(Result<net::Resolved> result) override {
    const std::unique_ptr<net::ResolveRequest> done = std::move(resolving_);
    if (!result) return finish(false);
    connect(std::move(result->addresses));
  }
  void connect(std::vector<net::Address> addresses) {
    proxy::ConnectHandler& handler = *this;
    connector_ =
        std::make_unique<proxy::Connector>(prober_.loop_, std::move(addresses), timeout_, handler, tls_);
  }
  void on_connect(const proxy::ConnectOutcome& outcome) override {
    const std::unique_ptr<proxy::Connector> done = std::move(connector_);
    if (outcome.stream == nullptr) return finish(false);
    const proxy::PoolKey to{outcome.address, tls_ ? tls_->resume_key : std::string()};
    connection_ = &prober_.pool_.adopt(to, *outcome.stream, 0);
    connection_->begin(*this, http::Method::get, head_);
    connection_->request_complete();
  }
  void on_upstream_interim(const http::ResponseHead&) override {}
  // What follows the head is of no interest: the connection is dropped.
  void on_upstream_head(const http::ResponseHead& head) override { finish(is_good(head.status)); }
  void on_upstream_body(std::string_view) override {}
  void on_upstream_end() override { connection_ = nullptr; }
  void on_upstream_failed(proxy::UpstreamFailure) override {
    connection_ = nullptr;
    finish(false);
  }
  void on_upstream_writable() override {}
  void on_timer(net::Timer&) override { finish(false); }

  void finish(bool good) {
    OriginProber& prober = prober_;
    const std::shared_ptr<proxy::OriginRecord> record = record_;
    const Duration took = prober.loop_.now() - began_;
    delete this;
    prober.probed(record, good, took);
  }

  OriginProber& prober_;
  const std::shared_ptr<proxy::OriginRecord> record_;
  const std::string head_;
  const std::optional<proxy::ConnectTls> tls_;
  const Duration timeout_;
  const MonoTime began_;
  std::unique_ptr<net::ResolveRequest> resolving_;
  std::unique_ptr<proxy::Connector> connector_;
  proxy::UpstreamConnection* connection_ = nullptr;
  net::Timer timer_{*this};
};

OriginProber::OriginProber(net::Loop& loop, MetricShard& metrics, Random random, Log log)
    : loop_(loop),
      metrics_(metrics),
      random_(random),
      log_(log),
      resolver_(loop),
      pool_(loop, metrics, http::HeadLimits()),
      tls_factory_(loop) {}

OriginProber::~OriginProber() {
  while (!probes_.empty()) delete *probes_.begin();
}

void OriginProber::adopt(std::shared_ptr<const proxy::Snapshot> snapshot) {
  const std::vector<Server> before = std::exchange(servers_, {});
  snapshot_ = std::move(snapshot);
  tls_contexts_.clear();
  timer_.cancel();
  for (const auto& site : snapshot_->sites->sites()) {
    const proxy::OriginGroup& group = *site->origin;
    for (const proxy::OriginServer& server : group.servers) {
      const auto& record = snapshot_->origin(server);
      const auto is_it = [&](const Server& each) { return each.record == record; };
      if (group.probe_path.empty()) {
        // Nobody would let it back.
        record->with([](auto& health) { health.forget_probes(); });
        continue;
      }
      if (std::any_of(servers_.begin(), servers_.end(), is_it)) continue;
      Server next{record, &group, &server, {}, false};
      const auto known = std::find_if(before.begin(), before.end(), is_it);
      const MonoTime first =
          loop_.now() + Duration(static_cast<Duration::rep>(
                            random_.unit() * static_cast<double>(group.probe_interval.count())));
      next.next = known != before.end() ? std::min(known->next, loop_.now() + group.probe_interval) : first;
      next.under_way = known != before.end() && known->under_way;
      servers_.push_back(std::move(next));
    }
  }
  arm();
}

Duration OriginProber::pause(const proxy::OriginGroup& group) {
  return jittered(group.probe_interval, probe_jitter, random_);
}

void OriginProber::arm() {
  if (servers_.empty()) return;
  const auto first = std::min_element(servers_.begin(), servers_.end(),
                                      [](const Server& a, const Server& b) { return a.next < b.next; });
  loop_.timers().arm(timer_, first->next);
}

void OriginProber::on_timer(net::Timer&) {
  for (Server& server : servers_) {
    if (server.next > loop_.now()) continue;
    server.next = loop_.now() + pause(*server.group);
    // The last one is late: another would tell the same.
    if (std::exchange(server.under_way, true)) continue;
    probe(server);
  }
  arm();
}

std::optional<proxy::ConnectTls> OriginProber::connect_tls(const Server& server) {
  const proxy::OriginGroup& group = *server.group;
  if (group.tls == nullptr) return std::nullopt;
  auto& context = tls_contexts_[group.tls_identity];
  if (context == nullptr) {
    auto built = net::TlsClientContext::build(*group.tls);
    if (built) context = std::move(*built);
  }
  return proxy::origin_tls(tls_factory_, context, group, server.server->host);
}

void OriginProber::probe(const Server& server) {
  metrics_.add(Metric::origin_probes);
  auto tls = connect_tls(server);
  if (tls && tls->context == nullptr) {
    return loop_.post(net::make_task([this, record = server.record] { probed(record, false, {}); }));
  }
  (new Probe(*this, server, std::move(tls)))->start(*server.server);
}

void OriginProber::probed(const std::shared_ptr<proxy::OriginRecord>& record, bool good, Duration took) {
  const auto server = std::find_if(servers_.begin(), servers_.end(),
                                   [&](const Server& each) { return each.record == record; });
  // A reload has ended probing while this one was under way.
  if (server == servers_.end()) return;
  server->under_way = false;
  const auto took_us = std::chrono::duration_cast<std::chrono::microseconds>(took).count();
  record->probe_us.store(good ? took_us : -1, std::memory_order_relaxed);
  if (!good) {
    metrics_.add(Metric::origin_probes_failed);
    record->probes_failed.fetch_add(1, std::memory_order_relaxed);
  }
  using Probed = cluster::OriginHealth::Probed;
  const Probed changed = record->with([&](auto& health) { return health.probed(good, loop_.now()); });
  if (changed == Probed::unchanged) return;
  if (changed == Probed::down) metrics_.add(Metric::origin_downs);
  log_.warning(changed == Probed::down ? "origin_down" : "origin_back",
               {{"origin", std::string_view(record->group)}, {"server", std::string_view(record->address)}});
}

}  // namespace perigee::control
