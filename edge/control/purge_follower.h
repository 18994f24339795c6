// The log of purges on the nodes that do not hold it: asks the node that does for what comes next, again and
// again, and hands purges asked for here on to it.
//
// Each answer without anything missing lets the node believe its store until verify_after after the question
// was sent. When it cannot be asked, that time runs out by itself; nothing is applied here alone.
//
// Ownership: the node's. Thread rule: the control loop.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "edge/base/log.h"
#include "edge/control/purge_log.h"
#include "edge/control/purge_wire.h"
#include "edge/proxy/peer_caller.h"

namespace perigee::control {

class PurgeFollower final : public PurgeLog, private net::TimerHandler {
 public:
  // Sends a request to the node that holds the log, as it is known now.
  using Send =
      std::function<void(http::Method, std::string target, Duration timeout, proxy::PeerCaller::Done)>;

  PurgeFollower(net::Loop& loop, std::string self, Duration verify_after, Send send, PurgeApplier& applier,
                Log log);

  void start() { poll(); }
  void append(std::vector<PurgeCommand> commands, Duration wait, AppendDone done) override;

 private:
  struct Forward;

  void poll();
  void take(Result<proxy::PeerReply> reply, MonoTime sent);
  void take_news(PurgeNews news, MonoTime sent);
  void on_timer(net::Timer&) override { poll(); }

  net::Loop& loop_;
  const std::string self_;
  const Duration verify_after_;
  const Send send_;
  PurgeApplier& applier_;
  Log log_;
  uint64_t epoch_ = 0;
  uint64_t applied_ = 0;
  bool reachable_ = true;
  net::Timer retry_timer_{*this};
};

}  // namespace perigee::control
