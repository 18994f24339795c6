#include "edge/node_worker.h"

#include <utility>

namespace perigee {

NodeWorker::NodeWorker(net::Loop& loop, const proxy::NodeParts& parts,
                       const http::HeadLimits& upstream_limits,
                       std::shared_ptr<const proxy::Snapshot> snapshot)
    : worker_(loop, parts, metrics_, upstream_limits, std::move(snapshot)),
      client_handler_(worker_, proxy::EdgeHandler::Listener::client),
      peer_handler_(worker_, proxy::EdgeHandler::Listener::peer),
      client_tls_(loop),
      peer_tls_(loop) {}

void NodeWorker::set_tls(TlsContexts contexts) {
  client_tls_.set_context(std::move(contexts.clients));
  peer_tls_.set_context(std::move(contexts.peers));
}

Result<net::Address> NodeWorker::listen_tls(serve::ServerOptions options,
                                            proxy::EdgeHandler::Listener listener) {
  options.scheme = "https";
  options.tls = listener == proxy::EdgeHandler::Listener::peer ? &peer_tls_ : &client_tls_;
  return listen(options, listener);
}

Result<net::Address> NodeWorker::listen(const serve::ServerOptions& options,
                                        proxy::EdgeHandler::Listener listener) {
  proxy::EdgeHandler& handler =
      listener == proxy::EdgeHandler::Listener::peer ? peer_handler_ : client_handler_;
  servers_.push_back(std::make_unique<serve::Server>(worker_.loop(), options, handler, metrics_));
  return servers_.back()->listen();
}

void NodeWorker::drain(Duration within, std::function<void()> done) {
  drained_ = std::move(done);
  draining_ = servers_.size();
  for (const auto& server : servers_) server->drain(within, this);
  worker_.pool().drain();
}

void NodeWorker::on_drained() {
  if (--draining_ == 0) std::exchange(drained_, nullptr)();
}

}  // namespace perigee
