// What one worker has learned of the other nodes from their answers: how late they are, how much they have to
// do, whether they drain or see another cluster.
//
// Kept by peer id, so that it outlives reloads. Owned by the Worker. Thread rule: the worker's loop.
#pragma once

#include <memory>
#include <vector>

#include "edge/cluster/hedge_policy.h"
#include "edge/cluster/peer_envelope.h"
#include "edge/cluster/peer_loads.h"
#include "edge/proxy/snapshot.h"

namespace perigee::proxy {

class Worker;

// The worker's dealings with one peer.
struct PeerDealings {
  explicit PeerDealings(const cluster::HedgeOptions& options) : hedging(options) {}

  cluster::HedgePolicy hedging;
  cluster::SmoothedLoad announced;
  uint32_t waiting = 0;  // requests of ours that it has not begun to answer
};

class WorkerPeers {
 public:
  explicit WorkerPeers(Worker& worker) : worker_(worker) {}

  PeerDealings& with(const cluster::PeerRecord& peer);
  // An answer of that node has come, whatever it is.
  void on_answer(const Snapshot& snapshot, cluster::NodeIndex node, const cluster::PeerAnswerEnvelope& said);

  // The mean load of the usable nodes of this node's region, itself included; worked out a few times a
  // second.
  double mean_load(const Snapshot& snapshot);

 private:
  Worker& worker_;
  std::vector<std::unique_ptr<PeerDealings>> dealings_;  // by peer id
  double mean_ = 0;
  MonoTime mean_at_{};
  const Snapshot* mean_of_ = nullptr;
};

// The loads of a snapshot's nodes, for one route.
class SnapshotLoads final : public cluster::PeerLoads {
 public:
  SnapshotLoads(Worker& worker, const Snapshot& snapshot) : worker_(worker), snapshot_(snapshot) {}
  bool above_bound(cluster::NodeIndex node) const override;
  double load(cluster::NodeIndex node) const override;

 private:
  Worker& worker_;
  const Snapshot& snapshot_;
};

}  // namespace perigee::proxy
