// The cluster's log of purges, as a node sees it: one totally ordered list, from which every node applies in
// order. Behind this interface so that something else than a node can hold the log.
//
// Two implementations for a static topology: PurgeAppender on the node that is the log, PurgeFollower on the
// others.
//
// Thread rule: the control loop.
#pragma once

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "edge/base/clock.h"
#include "edge/base/result.h"
#include "edge/cluster/peer_envelope.h"
#include "edge/control/purge_command.h"

namespace perigee::control {

enum class PurgeState : uint8_t {
  applied,  // no worker of it serves what was purged
  pending,  // it has not said so in time; it will apply it as soon as it can
  away,     // silent for so long that it validates everything by itself
};
std::string_view to_string(PurgeState state);

struct PurgeReceipt {
  cluster::LogPosition position;  // of the last command
  struct Node {
    std::string name;
    PurgeState state = PurgeState::pending;
  };
  std::vector<Node> nodes;
};

// The node that applies what the log says.
class PurgeApplier {
 public:
  // What follows comes after this place; everything stored so far must be validated.
  virtual void rebase(cluster::LogPosition position) = 0;
  // The next purges. done runs on the control loop when every worker has applied them.
  virtual void apply(std::span<const PurgeCommand> commands, std::function<void()> done) = 0;
  // Nothing is missing as of now, and until then no further word is needed; nullopt: never.
  virtual void verified_until(std::optional<MonoTime> until) = 0;

 protected:
  ~PurgeApplier() = default;
};

class PurgeLog {
 public:
  using AppendDone = std::function<void(Result<PurgeReceipt>)>;

  virtual ~PurgeLog() = default;
  // Appends and waits at most so long for the nodes. done is called once, possibly before this returns.
  // Errors: "purge_log_away" (nothing is known to be appended), "purge_log_failed" (nothing was appended).
  virtual void append(std::vector<PurgeCommand> commands, Duration wait, AppendDone done) = 0;
};

}  // namespace perigee::control
