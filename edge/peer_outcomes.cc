#include "edge/peer_outcomes.h"

namespace perigee {

PeerOutcomes::PeerOutcomes(net::Loop& control, std::function<void()> on_batch)
    : control_(control), on_batch_(std::move(on_batch)) {}

void PeerOutcomes::peer_outcome(cluster::PeerId peer, cluster::PeerOutcome outcome) {
  put({peer, outcome, std::nullopt});
}

void PeerOutcomes::peer_draining(cluster::PeerId peer, bool draining) {
  put({peer, cluster::PeerOutcome::success, draining});
}

void PeerOutcomes::put(const Outcome& outcome) {
  bool first = false;
  {
    const std::lock_guard lock(mutex_);
    first = waiting_.empty();
    waiting_.push_back(outcome);
  }
  if (first) control_.post(net::make_task([this] { on_batch_(); }));
}

std::vector<PeerOutcomes::Outcome> PeerOutcomes::take() {
  const std::lock_guard lock(mutex_);
  return std::exchange(waiting_, {});
}

}  // namespace perigee
