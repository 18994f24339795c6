#include "edge/proxy/worker_peers.h"

#include "edge/proxy/worker.h"

namespace perigee::proxy {

namespace {

constexpr Duration mean_lasts = std::chrono::milliseconds(50);

}  // namespace

PeerDealings& WorkerPeers::with(const cluster::PeerRecord& peer) {
  if (dealings_.size() <= peer.id) dealings_.resize(peer.id + 1);
  std::unique_ptr<PeerDealings>& found = dealings_[peer.id];
  if (found == nullptr) found = std::make_unique<PeerDealings>(worker_.snapshot().exchange.hedging);
  return *found;
}

void WorkerPeers::on_answer(const Snapshot& snapshot, cluster::NodeIndex node,
                            const cluster::PeerAnswerEnvelope& said) {
  cluster::PeerRecord& record = *snapshot.peers[node];
  if (said.in_flight) {
    with(record).announced.announce(*said.in_flight, worker_.loop().now());
    record.in_flight.store(*said.in_flight, std::memory_order_relaxed);
  }
  const bool disagrees = said.digest != snapshot.cluster->digest;
  record.disagrees.store(disagrees, std::memory_order_relaxed);
  if (disagrees) worker_.metrics().add(Metric::peer_disagreements);
  // The control loop tells everybody; what it knows already is not told again.
  const bool known = worker_.health().state(node) == cluster::PeerState::draining;
  if (said.draining != known) worker_.outcomes().peer_draining(record.id, said.draining);
}

double WorkerPeers::mean_load(const Snapshot& snapshot) {
  const MonoTime now = worker_.loop().now();
  if (mean_of_ == &snapshot && now - mean_at_ < mean_lasts) return mean_;
  const cluster::ClusterView& view = *snapshot.cluster;
  double sum = 0;
  uint32_t nodes = 0;
  for (size_t i = 0; i < view.topology.nodes.size(); ++i) {
    const auto node = static_cast<cluster::NodeIndex>(i);
    if (view.placement->region_of(node) != view.own_region() || !worker_.health().usable(node)) continue;
    sum += node == view.self ? worker_.peer_requests_waiting() : with(*snapshot.peers[i]).announced.at(now);
    ++nodes;
  }
  mean_ = nodes == 0 ? 0 : sum / nodes;
  mean_at_ = now;
  mean_of_ = &snapshot;
  return mean_;
}

bool SnapshotLoads::above_bound(cluster::NodeIndex node) const {
  const PeerDealings& dealings = worker_.peers().with(*snapshot_.peers[node]);
  const double announced = dealings.announced.at(worker_.loop().now());
  if (announced <= snapshot_.exchange.load_bound.floor) return false;
  return !cluster::within_bound(announced, worker_.peers().mean_load(snapshot_),
                                snapshot_.exchange.load_bound);
}

double SnapshotLoads::load(cluster::NodeIndex node) const {
  const PeerDealings& dealings = worker_.peers().with(*snapshot_.peers[node]);
  return dealings.announced.at(worker_.loop().now()) + dealings.waiting;
}

}  // namespace perigee::proxy
