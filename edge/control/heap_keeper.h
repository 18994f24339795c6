// Keeps what the process holds in memory near what its store is charged for.
//
// Evicted responses leave holes in the allocator's heap, and glibc gives pages in the middle of a heap back
// only when it is told to (malloc_trim(3)): without that, a store whose responses change in size would grow
// to one and a half times its budget. The keeper looks ten times a second, and trims when the holes have
// grown; how long that took decides how soon it may do so again, so that it takes at most a tenth of one
// core.
//
// A trim holds a heap's lock for as long as it takes, and who wants memory of that heap stands still. So what
// is stored lies elsewhere where it can: pages of large bodies (BlockMemory), which wait to be given back,
// and pieces (cache::PieceHeap), whose holes the keeper gives back in steps of some microseconds, for which
// nobody waits. What is left for trims is what connections and fills leave behind.
//
// What stays beyond a ninth of the budget although the heap was trimmed is taken for lost: the store does
// with so much less.
//
// Thread rule: a loop of its own; made and destroyed while that does not run. The store outlives it.
#pragma once

#include <cstdint>

#include "edge/base/clock.h"
#include "edge/net/io.h"
#include "edge/net/timer.h"

namespace perigee::cache {
class Store;
}

namespace perigee::control {

struct HeapView {
  uint64_t resident = 0;  // bytes of the process in RAM
  uint64_t charged = 0;   // to the store's budget
  uint64_t budget = 0;
  uint64_t holes = 0;  // of the pieces, which no trim gives back
};

// What is known of the last trim.
struct LastTrim {
  uint64_t beyond = 0;     // resident beyond what was charged, after it
  Duration since_begin{};  // how long ago it began
  Duration took{};
};

// Holes of a sixteenth of the budget are worth a look at what is lost, when they have grown by a 128th since
// the last one.
bool worth_looking(const HeapView& now, const LastTrim& last);

// And so much of that is on malloc's heap that it is worth a trim.
bool worth_trimming(const HeapView& now);

// Of the pieces' holes, a 64th of the budget may stay for what is stored next.
bool worth_discarding(const HeapView& now);

// Of what the process holds beyond what is charged, what the store has to make up for.
uint64_t lost_bytes(const HeapView& now);

class HeapKeeper final : private net::TimerHandler {
 public:
  // A loop that has nothing else to do: it stands still while the heap is trimmed.
  explicit HeapKeeper(net::Loop& loop) : loop_(loop) {}
  // Once, from any thread.
  void keep(cache::Store& store);

 private:
  void on_timer(net::Timer& timer) override;
  bool discard_some();
  void trim();
  HeapView view() const;

  net::Loop& loop_;
  cache::Store* store_ = nullptr;
  MonoTime began_{};
  LastTrim last_;
  net::Timer timer_{*this};
};

}  // namespace perigee::control
