#include "edge/proxy/peer_tls.h"

#include "edge/proxy/worker.h"

namespace perigee::proxy {

std::optional<ConnectTls> connect_peer_tls(Worker& worker, const Snapshot& snapshot,
                                           const std::string& node) {
  if (snapshot.peer_tls == nullptr) return std::nullopt;
  ConnectTls tls;
  tls.factory = &worker.tls_factory();
  tls.context = worker.tls_client(*snapshot.peer_tls, snapshot.peer_tls_identity);
  tls.name = node;
  tls.resume_key = "peer " + node + " " + snapshot.peer_tls_identity;
  return tls;
}

}  // namespace perigee::proxy
