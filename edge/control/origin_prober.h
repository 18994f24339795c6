// Asks every server of an origin group with a probe_path now and then whether it serves: one GET on a
// connection of its own, over TLS where the group has it, whose head must come in time with a status of 200
// to 399. What comes of it goes to the server's health (cluster/origin_health.h), which the workers look at.
//
// Each node probes for itself: what one cannot reach another may. Probes of one server come an interval
// apart, up to 20 % more or less, so that nodes that were started together do not ask together. The first
// comes within one interval. A server that a reload leaves as it is keeps its time and what is known of it.
//
// Ownership: the Node's; destroying it drops the probes under way. Thread rule: the control loop.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "edge/base/log.h"
#include "edge/base/metrics.h"
#include "edge/base/random.h"
#include "edge/net/caching_resolver.h"
#include "edge/net/timer.h"
#include "edge/net/tls_stream.h"
#include "edge/proxy/connector.h"
#include "edge/proxy/snapshot.h"
#include "edge/proxy/upstream_pool.h"

namespace perigee::control {

class OriginProber final : private net::TimerHandler {
 public:
  OriginProber(net::Loop& loop, MetricShard& metrics, Random random, Log log);
  ~OriginProber();

  // From now on these are the servers.
  void adopt(std::shared_ptr<const proxy::Snapshot> snapshot);

 private:
  class Probe;
  struct Server {
    std::shared_ptr<proxy::OriginRecord> record;
    const proxy::OriginGroup* group = nullptr;  // of the snapshot
    const proxy::OriginServer* server = nullptr;
    MonoTime next{};
    bool under_way = false;
  };

  void on_timer(net::Timer& timer) override;
  void arm();
  Duration pause(const proxy::OriginGroup& group);
  void probe(const Server& server);
  std::optional<proxy::ConnectTls> connect_tls(const Server& server);
  void probed(const std::shared_ptr<proxy::OriginRecord>& record, bool good, Duration took);

  net::Loop& loop_;
  MetricShard& metrics_;
  Random random_;
  Log log_;
  net::CachingResolver resolver_;
  proxy::UpstreamPool pool_;
  net::TlsFactory tls_factory_;
  std::map<std::string, std::shared_ptr<net::TlsClientContext>> tls_contexts_;  // by identity
  std::shared_ptr<const proxy::Snapshot> snapshot_;
  std::vector<Server> servers_;
  std::set<Probe*> probes_;
  net::Timer timer_{*this};
};

}  // namespace perigee::control
