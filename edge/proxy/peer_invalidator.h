// Tells the other nodes of a cluster that URLs were invalidated (RFC 9111 4.4), so that the cluster is one
// cache: after the answer to a PUT nobody serves what was there before it.
//
// Every node is told, since every node may have a copy: owners, those who stood in for them, receivers of hot
// keys, and fills under way that others could join. A message is a POST of the URL to the peer listener, with
// the id of the invalidation in the envelope; it may arrive twice. One that was not confirmed is sent again a
// few times; until then requests to that peer bring the id along (see cache/invalidations.h).
//
// Ownership: the Worker's; destroying it drops the messages under way. Rounds are shared with who waits for
// them. Thread rule: the worker's loop.
#pragma once

#include <cstdint>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "edge/proxy/peer_caller.h"
#include "edge/proxy/snapshot.h"

namespace perigee::proxy {

class Worker;

class InvalidationWaiter {
 public:
  // Everybody who was waited for has confirmed or cannot be reached. Comes from the loop.
  virtual void on_invalidated() = 0;

 protected:
  ~InvalidationWaiter() = default;
};

// What one answer waits for: its messages to other nodes, and the log's word on groups.
struct InvalidationRound {
  size_t open = 0;                       // of both
  bool groups = false;                   // one of the open is the log's
  InvalidationWaiter* waiter = nullptr;  // set, and cleared, by who waits
  bool over = false;                     // the answer did not wait any longer, and has counted who is late

  size_t messages() const { return open - (groups ? 1 : 0); }
  void open_groups() {
    groups = true;
    ++open;
  }
  void settle_groups() {
    groups = false;
    settle();
  }
  // One of them is done. The last one may go on with the answer, and whatever follows from that.
  void settle() {
    if (--open == 0 && waiter != nullptr) std::exchange(waiter, nullptr)->on_invalidated();
  }
};

class PeerInvalidator {
 public:
  explicit PeerInvalidator(Worker& worker);
  ~PeerInvalidator();

  // Forgets the URLs here and tells everybody else. Nodes that are not usable now are told, but not waited
  // for. With nobody to tell, open is 0.
  std::shared_ptr<InvalidationRound> invalidate(const std::shared_ptr<const Snapshot>& snapshot,
                                                const std::vector<std::string>& keys);

  // Forgets a URL here, because a peer says so. False when that was known.
  static bool forget(Worker& worker, std::string_view key, uint64_t id);

 private:
  class Message;
  static constexpr size_t messages_max = 10'000;

  Worker& worker_;
  PeerCaller caller_;
  std::set<Message*> messages_;
};

}  // namespace perigee::proxy
