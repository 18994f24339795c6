// One worker of a node: its proxy::Worker, and a server with a handler for each listener.
//
// Owned by the Node. Thread rule: made before io.start(); then the worker's loop only. Destroyed after
// io.stop().
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "edge/base/metrics.h"
#include "edge/net/tls_stream.h"
#include "edge/proxy/edge_handler.h"
#include "edge/proxy/worker.h"
#include "edge/serve/server.h"

namespace perigee {

// What one loop accepts TLS with; null where it does not.
struct TlsContexts {
  std::shared_ptr<const net::TlsServerContext> clients;
  std::shared_ptr<const net::TlsServerContext> peers;
};

class NodeWorker final : private serve::DrainHandler {
 public:
  NodeWorker(net::Loop& loop, const proxy::NodeParts& parts, const http::HeadLimits& upstream_limits,
             std::shared_ptr<const proxy::Snapshot> snapshot);

  // Opens a listener; returns where it really listens.
  Result<net::Address> listen(const serve::ServerOptions& options, proxy::EdgeHandler::Listener listener);
  // The same with TLS, once there is a context.
  Result<net::Address> listen_tls(serve::ServerOptions options, proxy::EdgeHandler::Listener listener);
  // What new connections are accepted with from now on; those that are up keep what they have.
  void set_tls(TlsContexts contexts);
  // All listeners are there.
  void begin_turns() { worker_.begin_turns(); }

  proxy::Worker& worker() { return worker_; }
  net::Loop& loop() { return worker_.loop(); }
  const MetricShard& metrics() const { return metrics_; }
  MetricShard& metrics() { return metrics_; }

  // done runs on this worker's loop when every connection is gone.
  void drain(Duration within, std::function<void()> done);

 private:
  void on_drained() override;

  MetricShard metrics_;
  proxy::Worker worker_;
  proxy::EdgeHandler client_handler_;
  proxy::EdgeHandler peer_handler_;
  net::TlsAcceptor client_tls_;
  net::TlsAcceptor peer_tls_;
  std::vector<std::unique_ptr<serve::Server>> servers_;
  size_t draining_ = 0;
  std::function<void()> drained_;
};

}  // namespace perigee
