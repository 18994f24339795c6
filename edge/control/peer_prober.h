// Asks every peer now and then whether it is there: a request to its peer listener that any of its workers
// answers at once. What comes of it goes to PeerHealth: probes notice the death of a peer that nobody asks
// anything else, and the return of one that nobody asks any more.
//
// Probes of one peer come an interval apart, up to 20 % more or less, so that nodes that were started
// together do not ask together; with more than 20 peers the interval grows, and no more than ten probes a
// second leave the node.
//
// Ownership: the Node's; destroying it drops the probes under way. Thread rule: the control loop.
#pragma once

#include <memory>
#include <vector>

#include "edge/base/metrics.h"
#include "edge/base/random.h"
#include "edge/cluster/peer_envelope.h"
#include "edge/net/timer.h"
#include "edge/proxy/peer_caller.h"
#include "edge/proxy/snapshot.h"

namespace perigee::control {

class ProbeListener {
 public:
  // said: what the peer's answer tells of it; null when there was none in time.
  virtual void on_probe(const cluster::PeerRecord& peer, const cluster::PeerAnswerEnvelope* said) = 0;

 protected:
  ~ProbeListener() = default;
};

class PeerProber final : private net::TimerHandler {
 public:
  // interval: 0 for no probes.
  PeerProber(net::Loop& loop, MetricShard& metrics, Duration interval, Random random,
             ProbeListener& listener);

  // From now on these are the peers.
  void adopt(std::shared_ptr<const proxy::Snapshot> snapshot);

 private:
  struct Peer {
    std::shared_ptr<cluster::PeerRecord> record;
    net::Address address;
    MonoTime next{};
  };

  void on_timer(net::Timer& timer) override;
  void arm();
  Duration pause();
  void probe(const Peer& peer);

  net::Loop& loop_;
  const Duration interval_;
  Random random_;
  ProbeListener& listener_;
  MetricShard& metrics_;
  proxy::PeerCaller caller_;
  std::shared_ptr<const proxy::Snapshot> snapshot_;
  std::vector<Peer> peers_;
  net::Timer timer_{*this};
};

}  // namespace perigee::control
