#include "edge/cache/worker_fills.h"

#include <utility>

#include "edge/cache/fill.h"

namespace perigee::cache {

void FollowerLink::unlink() {
  prev->next = next;
  next->prev = prev;
  next = prev = this;
}

void FollowerLink::insert_before(FollowerLink& place) {
  next = &place;
  prev = place.prev;
  prev->next = this;
  place.prev = this;
}

void FillParty::add(Follower& follower) {
  follower.party_ = this;
  follower.insert_before(members_);
}

void FillParty::remove(Follower& follower) {
  follower.party_ = nullptr;
  follower.unlink();
}

void FillParty::tell() {
  // Before anybody looks: a change from now on queues the party again.
  queued_.store(false, std::memory_order_seq_cst);
  // Followers come and go while they are told, so each is moved from one list to the other before its turn;
  // whoever joins meanwhile is not told in this round.
  FollowerLink untold;
  if (members_.alone()) return;
  untold.insert_before(members_);
  members_.unlink();
  while (!untold.alone()) {
    FollowerLink* next = untold.next;
    next->unlink();
    next->insert_before(members_);
    static_cast<Follower*>(next)->on_fill_progress();
  }
}

WorkerFills::~WorkerFills() = default;

void WorkerFills::queue(Task task) {
  {
    const std::lock_guard lock(mutex_);
    tasks_.push_back(std::move(task));
    if (std::exchange(wake_pending_, true)) return;
  }
  waker_.wake();
}

void WorkerFills::run() {
  {
    const std::lock_guard lock(mutex_);
    running_.swap(tasks_);
    wake_pending_ = false;
  }
  for (const Task& task : running_) {
    if (task.party != nullptr) {
      task.party->tell();
    } else {
      task.fill->attend();
    }
  }
  running_.clear();
}

}  // namespace perigee::cache
