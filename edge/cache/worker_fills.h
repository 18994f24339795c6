// The followers of one worker, and how other workers' fills reach them.
//
// Followers of one fill on one worker form a party. A fill that changed queues the party with its worker and
// wakes that worker, unless a wake is pending; run() then tells every follower of every queued party. The
// same queue carries what the running worker itself has to do for a fill: resume or cancel its source, which
// may be called on that worker only.
//
// Thread rule: run() and the lists of followers are the worker's; queueing is for any thread.
#pragma once

#include <atomic>
#include <cassert>
#include <cstddef>
#include <memory>
#include <mutex>
#include <vector>

#include "edge/base/waker.h"

namespace perigee::cache {

class Fill;
class FillParty;

// A place in a circular list; alone it points to itself.
struct FollowerLink {
  FollowerLink* next = this;
  FollowerLink* prev = this;

  FollowerLink() = default;
  FollowerLink(const FollowerLink&) = delete;
  FollowerLink& operator=(const FollowerLink&) = delete;

  bool alone() const { return next == this; }
  void unlink();
  void insert_before(FollowerLink& place);
};

// A request that reads a fill. Owned by the exchange, which makes it leave before it goes.
class Follower : private FollowerLink {
 public:
  // The fill has a new state or more bytes, or may have: now and then there is nothing new. On the follower's
  // own worker, from its loop. Several changes fold into one call. The follower may leave, join another fill,
  // or be destroyed in here.
  virtual void on_fill_progress() = 0;

 protected:
  Follower() = default;
  virtual ~Follower() { assert(following_ == nullptr); }

 private:
  friend class Fill;
  friend class FillParty;
  Fill* following_ = nullptr;
  FillParty* party_ = nullptr;
};

// One worker's followers, and how other workers wake it. Outlives every fill that the worker runs and every
// follower registered with it: a node destroys them after all of its loops have stopped.
class WorkerFills {
 public:
  // waker: schedules run() on the worker's loop, from any thread; wake() itself runs nothing.
  explicit WorkerFills(Waker& waker) : waker_(waker) {}
  ~WorkerFills();
  WorkerFills(const WorkerFills&) = delete;
  WorkerFills& operator=(const WorkerFills&) = delete;

  // Tells the followers of every fill that changed since the last run.
  void run();

 private:
  friend class Fill;
  struct Task {
    std::shared_ptr<Fill> fill;
    FillParty* party;  // null: the fill's source needs attention
  };
  // Any thread.
  void queue(Task task);

  Waker& waker_;
  std::mutex mutex_;  // guards tasks_ and wake_pending_
  std::vector<Task> tasks_;
  bool wake_pending_ = false;
  std::vector<Task> running_;  // run()'s, kept for its memory
};

// The followers of one fill on one worker. Owned by the fill.
class FillParty {
 public:
  explicit FillParty(WorkerFills& worker) : worker_(worker) {}
  WorkerFills& worker() const { return worker_; }

  // The worker's thread.
  void add(Follower& follower);
  static void remove(Follower& follower);
  void tell();

  // True when it is to be queued: it was not queued already. Any thread.
  bool mark_queued() { return !queued_.exchange(true, std::memory_order_acq_rel); }

  size_t size = 0;  // guarded by the fill's mutex

 private:
  WorkerFills& worker_;
  FollowerLink members_;  // the worker's thread only
  std::atomic<bool> queued_{false};
};

}  // namespace perigee::cache
