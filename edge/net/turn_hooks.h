// The turn hooks of one loop, shared by both implementations. A hook may add and remove hooks, itself too,
// while it runs.
//
// Thread rule: the loop's thread only.
#pragma once

#include <algorithm>
#include <cstddef>
#include <vector>

#include "edge/net/io.h"

namespace perigee::net {

class TurnHooks {
 public:
  void add(TurnHook& hook) { hooks_.push_back(&hook); }

  void remove(TurnHook& hook) {
    std::replace(hooks_.begin(), hooks_.end(), &hook, static_cast<TurnHook*>(nullptr));
    removed_ = true;
    if (!running_) sweep();
  }

  // Calls every hook in the order they were added; one added meanwhile is called too.
  void run() {
    running_ = true;
    for (size_t i = 0; i < hooks_.size(); ++i) {
      if (hooks_[i] != nullptr) hooks_[i]->on_turn_end();
    }
    running_ = false;
    if (removed_) sweep();
  }

 private:
  void sweep() {
    std::erase(hooks_, nullptr);
    removed_ = false;
  }

  std::vector<TurnHook*> hooks_;
  bool running_ = false;
  bool removed_ = false;  // some are null
};

}  // namespace perigee::net
