// Carries outcomes of peer exchanges from the workers to the control loop: a short list behind a mutex, and
// one message per batch.
//
// Thread rule: peer_outcome() from any worker; take() on the control loop.
#pragma once

#include <functional>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

#include "edge/net/io.h"
#include "edge/proxy/outcome.h"

namespace perigee {

class PeerOutcomes final : public proxy::OutcomeSink {
 public:
  struct Outcome {
    cluster::PeerId peer;
    cluster::PeerOutcome outcome;
    std::optional<bool> draining;  // this is what it is about; outcome means nothing
  };

  // on_batch runs on the control loop, at most once per batch.
  PeerOutcomes(net::Loop& control, std::function<void()> on_batch);

  void peer_outcome(cluster::PeerId peer, cluster::PeerOutcome outcome) override;
  void peer_draining(cluster::PeerId peer, bool draining) override;
  std::vector<Outcome> take();

 private:
  void put(const Outcome& outcome);

  net::Loop& control_;
  std::function<void()> on_batch_;
  std::mutex mutex_;
  std::vector<Outcome> waiting_;
};

}  // namespace perigee
