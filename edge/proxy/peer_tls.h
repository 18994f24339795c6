// TLS toward other nodes, when they have certificates.
//
// Thread rule: the worker's loop.
#pragma once

#include <optional>
#include <string>

#include "edge/proxy/connector.h"
#include "edge/proxy/snapshot.h"

namespace perigee::proxy {

class Worker;

// A peer must prove to be the node that the topology has at its address. nullopt: nodes have no certificates.
std::optional<ConnectTls> connect_peer_tls(Worker& worker, const Snapshot& snapshot, const std::string& node);

}  // namespace perigee::proxy
