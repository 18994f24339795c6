// From a configuration to what the workers hold: placement is built here, off the request path.
//
// Thread rule: the control loop, or any one thread before the node starts.
#pragma once

#include <memory>

#include "edge/base/result.h"
#include "edge/control/config.h"
#include "edge/http/h1.h"
#include "edge/proxy/snapshot.h"

namespace perigee {

struct SnapshotInput {
  uint64_t id = 0;
  bool draining = false;
  // Of the snapshot before: its placement is used again when nothing about it changed. Null: the node starts.
  std::shared_ptr<const cluster::ClusterView> before = {};
  // Whether this node was becoming an owner already.
  cluster::Joining joining = {};
  MonoTime now{};
  // Where peers get their identity from; null: a book of its own.
  cluster::PeerBook* peers = nullptr;
  // The same for origin servers.
  proxy::OriginBook* origins = nullptr;
};

// Errors: those of cluster::ClusterView::build().
Result<std::shared_ptr<const proxy::Snapshot>> build_snapshot(
    const std::shared_ptr<const control::Config>& from, const SnapshotInput& input);

// The listeners' and the pools' limits as their layers name them.
http::HeadLimits head_limits(const control::Config& config);

}  // namespace perigee
