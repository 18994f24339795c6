#include "edge/cluster/peer_health.h"

#include <algorithm>

#include "edge/base/jitter.h"

namespace perigee::cluster {
namespace {

// Saturates: counts only matter up to their limits.
uint32_t plus(uint32_t a, uint32_t b) { return a > UINT32_MAX - b ? UINT32_MAX : a + b; }

}  // namespace

std::string_view to_string(PeerState state) {
  switch (state) {
    case PeerState::up:
      return "up";
    case PeerState::draining:
      return "draining";
    case PeerState::ejected:
      return "ejected";
  }
  return "up";
}

PeerHealth::PeerHealth(const Topology& topology, PeerHealthOptions options, Random random)
    : options_(options), random_(random), peers_(peers_of(topology)) {
  publish();
}

std::vector<PeerHealth::Peer> PeerHealth::peers_of(const Topology& topology) {
  std::vector<Peer> peers(topology.nodes.size());
  for (size_t i = 0; i < peers.size(); ++i) {
    peers[i].name = topology.nodes[i].name;
    peers[i].region = *topology.find_region(topology.nodes[i].region);
  }
  return peers;
}

void PeerHealth::record(NodeIndex node, PeerOutcome outcome, MonoTime now, uint32_t count) {
  if (node >= peers_.size() || peers_[node].ejected_until) return;
  Peer& peer = peers_[node];
  switch (outcome) {
    case PeerOutcome::slow_first_byte:
      return;
    case PeerOutcome::success:
      peer.failures = peer.connect_failures = 0;
      return;
    case PeerOutcome::connect_failure:
      peer.connect_failures = plus(peer.connect_failures, count);
      [[fallthrough]];
    case PeerOutcome::failure:
      peer.failures = plus(peer.failures, count);
  }
  const bool too_many =
      peer.failures >= options_.consecutive_failures || peer.connect_failures >= options_.connect_failures;
  if (!too_many || !may_eject(peer.region)) return;
  peer.probes_can_tell = peer.probe_failed || peer.connect_failures >= options_.connect_failures;
  eject(peer, now);
}

void PeerHealth::probed(NodeIndex node, bool answered, MonoTime now) {
  if (node >= peers_.size()) return;
  Peer& peer = peers_[node];
  peer.probe_failed = !answered;
  peer.good_probes = answered ? plus(peer.good_probes, 1) : 0;
  if (!answered) {
    peer.probes_can_tell = true;
    return record(node, PeerOutcome::connect_failure, now);
  }
  if (!peer.ejected_until) {
    // Not the other failures: those are of requests that a probe is not like.
    peer.connect_failures = 0;
  } else if (peer.probes_can_tell && peer.good_probes >= options_.good_probes) {
    come_back(peer, now);
    publish();
  }
}

void PeerHealth::come_back(Peer& peer, MonoTime now) {
  peer.up_since = now;
  peer.ejected_until.reset();
  peer.probes_can_tell = false;
}

void PeerHealth::set_draining(NodeIndex node, bool draining, MonoTime now) {
  if (node >= peers_.size()) return;
  Peer& peer = peers_[node];
  const bool changed = peer.draining_until.has_value() != draining;
  peer.draining_until = draining ? std::optional(now + options_.drain_hold) : std::nullopt;
  if (changed) publish();
}

void PeerHealth::tick(MonoTime now) {
  bool changed = false;
  for (Peer& peer : peers_) {
    if (peer.ejected_until && *peer.ejected_until <= now) {
      if (peer.probe_failed) {
        peer.ejected_until = now + options_.probe_patience;
      } else {
        come_back(peer, *peer.ejected_until);
        changed = true;
      }
    }
    if (peer.draining_until && *peer.draining_until <= now) {
      peer.draining_until.reset();
      changed = true;
    }
  }
  if (changed) publish();
}

std::optional<MonoTime> PeerHealth::next_event() const {
  std::optional<MonoTime> next;
  for (const Peer& peer : peers_) {
    for (const auto& at : {peer.ejected_until, peer.draining_until}) {
      if (at && (!next || *at < *next)) next = at;
    }
  }
  return next;
}

void PeerHealth::adopt(const Topology& topology) {
  std::vector<Peer> adopted = peers_of(topology);
  for (Peer& peer : adopted) {
    const auto known =
        std::find_if(peers_.begin(), peers_.end(), [&](const Peer& old) { return old.name == peer.name; });
    if (known == peers_.end()) continue;
    const RegionIndex region = peer.region;
    peer = *known;
    peer.region = region;
  }
  peers_ = std::move(adopted);
  publish();
}

uint32_t PeerHealth::times_ejected(NodeIndex node, MonoTime now) const {
  return node < peers_.size() ? times_ejected(peers_[node], now) : 0;
}

uint32_t PeerHealth::times_ejected(const Peer& peer, MonoTime now) const {
  if (peer.ejected_until || now <= peer.up_since) return peer.times_ejected;
  const auto earned = (now - peer.up_since) / options_.recovery_period;
  return earned >= peer.times_ejected ? 0 : peer.times_ejected - static_cast<uint32_t>(earned);
}

bool PeerHealth::may_eject(RegionIndex region) const {
  uint32_t nodes = 0;
  uint32_t ejected = 0;
  for (const Peer& peer : peers_) {
    if (peer.region != region) continue;
    ++nodes;
    if (peer.ejected_until) ++ejected;
  }
  const uint32_t limit = std::max<uint32_t>(1, nodes / options_.ejected_one_in);
  return ejected < limit;
}

void PeerHealth::eject(Peer& peer, MonoTime now) {
  peer.times_ejected = plus(times_ejected(peer, now), 1);
  const auto steps =
      std::min<Duration::rep>(peer.times_ejected, options_.ejection_max / options_.ejection_base + 1);
  const Duration length = std::min(options_.ejection_base * steps, options_.ejection_max);
  peer.ejected_until = now + jittered(length, options_.jitter, random_);
  peer.failures = peer.connect_failures = 0;
  peer.good_probes = 0;
  ++ejections_;
  publish();
}

void PeerHealth::publish() {
  std::vector<PeerState> states(peers_.size(), PeerState::up);
  for (size_t i = 0; i < peers_.size(); ++i) {
    if (peers_[i].draining_until) states[i] = PeerState::draining;
    if (peers_[i].ejected_until) states[i] = PeerState::ejected;
  }
  view_ = std::make_shared<const HealthView>(std::move(states));
}

}  // namespace perigee::cluster
