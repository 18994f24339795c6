// Who waits to be asked for something, in open loop: targets take what is due in turn, and of one target's
// clients the one takes it that has waited longest, so that neither a target nor a connection is preferred.
//
// A target none of whose clients waits is passed over, and gets nothing in its place later: one that was slow
// or away for a while is not hit by all that it missed.
//
// Thread rule: one thread. Knows no connection; clients are numbers, and client i asks target i % targets.
#pragma once

#include <algorithm>
#include <cstddef>
#include <deque>
#include <optional>
#include <vector>

namespace perigee::load {

class IdleClients {
 public:
  IdleClients(size_t targets, size_t clients) : by_target_(targets), waits_(clients) {}

  bool empty() const { return waiting_ == 0; }
  void add(size_t client) {
    if (waits_[client]) return;
    waits_[client] = true;
    ++waiting_;
    by_target_[client % by_target_.size()].push_back(client);
  }
  // It does not wait any more.
  void remove(size_t client) {
    if (!waits_[client]) return;
    waits_[client] = false;
    --waiting_;
    std::erase(by_target_[client % by_target_.size()], client);
  }
  // Whose turn it is; that one waits no longer. Nobody when nobody waits.
  std::optional<size_t> take() {
    for (size_t passed = 0; passed < by_target_.size(); ++passed) {
      std::deque<size_t>& queue = by_target_[turn_];
      turn_ = (turn_ + 1) % by_target_.size();
      if (queue.empty()) continue;
      const size_t client = queue.front();
      remove(client);
      return client;
    }
    return std::nullopt;
  }

 private:
  std::vector<std::deque<size_t>> by_target_;  // longest first
  std::vector<bool> waits_;
  size_t waiting_ = 0;
  size_t turn_ = 0;
};

}  // namespace perigee::load
