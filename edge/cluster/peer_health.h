// Passive ejection of peers : a node that fails too often in a row is left alone for a while.
//
// Workers see how peer exchanges end and post the outcomes; the control loop owns a PeerHealth, feeds it, and
// publishes the HealthView that follows to all workers. Thread rule: PeerHealth belongs to the control loop
// alone; a HealthView is immutable and shared through std::shared_ptr<const HealthView>.
//
// The life of a peer: up -> (failures in a row reach a limit) -> ejected for 30 s x n, at most 300 s, each
// time up to 10 % shorter or longer so that nodes do not come back together -> up, with clean counts. n rises
// by one with every ejection and falls by one for every 30 s up after it. In each region at most a third of
// the nodes are ejected at once, but one always may be; beyond that failures are only counted, since a fault
// of our own network looks like everybody failing. Active probes (control/peer_prober.h) add to what is seen,
// and may end an ejection early. A peer that says it is draining is out of use for 30 s
// after it last said so, unless it takes that back.
//
// It does not judge what a failure is. A late first byte is none: it says something about the origin, not
// about the peer.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "edge/base/clock.h"
#include "edge/base/random.h"
#include "edge/cluster/topology.h"

namespace perigee::cluster {

enum class PeerState : uint8_t { up, draining, ejected };
std::string_view to_string(PeerState state);

enum class PeerOutcome : uint8_t {
  success,          // an interim 102 or a response head in time, and nothing broken after it
  failure,          // no 102 in time, a reset, broken framing, a wrong envelope
  connect_failure,  // refused or timed out; also counts as a failure
  slow_first_byte,  // the response came late after a 102: changes nothing
};

// Which nodes may be asked, by NodeIndex of the topology it was made for.
class HealthView {
 public:
  HealthView() = default;  // everybody is up
  explicit HealthView(std::vector<PeerState> states) : states_(std::move(states)) {}

  // A node beyond the view is new in the topology, thus up.
  PeerState state(NodeIndex node) const { return node < states_.size() ? states_[node] : PeerState::up; }
  bool usable(NodeIndex node) const { return state(node) == PeerState::up; }

 private:
  std::vector<PeerState> states_;
};

struct PeerHealthOptions {
  uint32_t consecutive_failures = 5;
  uint32_t connect_failures = 3;
  Duration ejection_base = std::chrono::seconds(30);
  Duration ejection_max = std::chrono::seconds(300);
  double jitter = 0.1;                                  // share of an ejection's length, either way; 0..1
  uint32_t ejected_one_in = 3;                          // nodes of a region, rounded down, but one always
  Duration recovery_period = std::chrono::seconds(30);  // up for that long: n falls by one
  Duration drain_hold = std::chrono::seconds(30);
  uint32_t good_probes = 3;                           // in a row: an ejected peer is back
  Duration probe_patience = std::chrono::seconds(1);  // an ejection that ends while probes fail goes on for
};

class PeerHealth {
 public:
  // The topology must have passed validate().
  PeerHealth(const Topology& topology, PeerHealthOptions options, Random random);

  // Outcomes of one kind, in the order they happened; count is at least one. Outcomes of a node that is
  // already ejected belong to requests sent before and change nothing. Nodes out of range (an older topology)
  // are ignored.
  void record(NodeIndex node, PeerOutcome outcome, MonoTime now, uint32_t count = 1);

  // An active probe was answered, or not. A failed one counts as a failed connect. While they fail a peer
  // does not come back. Where they had failed or connects had, so many good ones in a row end an ejection
  // early; where they were good all the time they know nothing of what was wrong, and the ejection runs its
  // time.
  void probed(NodeIndex node, bool answered, MonoTime now);

  // What the node's last answer said.
  void set_draining(NodeIndex node, bool draining, MonoTime now);

  // Ends ejections and drains whose time has come. Call it at next_event() or later.
  void tick(MonoTime now);
  // When tick() has something to do next.
  std::optional<MonoTime> next_event() const;

  // Goes on with another topology; nodes keep their state by name.
  void adopt(const Topology& topology);

  // The current snapshot; the same pointer until a state changes.
  std::shared_ptr<const HealthView> view() const { return view_; }

  // Ejections so far, all nodes; never falls.
  uint64_t ejections() const { return ejections_; }
  // n of the comment above: how often in a row the node was ejected, less what it has earned back by now.
  uint32_t times_ejected(NodeIndex node, MonoTime now) const;

 private:
  struct Peer {
    std::string name;
    RegionIndex region = 0;
    uint32_t failures = 0;  // in a row
    uint32_t connect_failures = 0;
    uint32_t times_ejected = 0;  // as it was at up_since
    MonoTime up_since{};
    std::optional<MonoTime> ejected_until;
    std::optional<MonoTime> draining_until;
    bool probe_failed = false;     // the last one
    bool probes_can_tell = false;  // what it was ejected for is something that they see
    uint32_t good_probes = 0;      // in a row
  };

  static std::vector<Peer> peers_of(const Topology& topology);
  bool may_eject(RegionIndex region) const;
  void eject(Peer& peer, MonoTime now);
  void come_back(Peer& peer, MonoTime now);
  uint32_t times_ejected(const Peer& peer, MonoTime now) const;
  void publish();

  PeerHealthOptions options_;
  Random random_;
  std::vector<Peer> peers_;
  std::shared_ptr<const HealthView> view_;
  uint64_t ejections_ = 0;
};

}  // namespace perigee::cluster
