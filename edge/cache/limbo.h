// Where stored responses wait, unlinked from the index, until nobody can be looking at them.
//
// A reader announces the current epoch with the first look-up of a turn and takes the announcement back at
// the end of the turn; a parked worker announces nothing, so it never keeps memory and never has to be woken.
// add() stamps what was unlinked with the epoch and then raises the epoch. A response is out of reach once
// every announced epoch is above its stamp.
//
// Why that is enough. All four accesses below are sequentially consistent, so they have one order S.
//   reader:    A  announced = epoch        then  B  load a link of the index
//   reclaimer: U  unlink (store the link)  then  C  read announced
// If C does not see A, C precedes A in S, so U precedes B and B cannot find the response. If C sees A with an
// epoch above the stamp, the reader read the epoch after add() raised it, which was after U; again B comes
// after U. If C sees A with an epoch up to the stamp, the response stays. Whatever the reader read before it
// took its announcement back happens before C reads that, and so before the free.
//
// What is out of reach but pinned moves to a list of its own: each reader that pins it owes a release; the
// last one frees. A pin is made in the turn of the look-up, so before the response is out of reach, and the
// reclaimer looks into the pin tables after that: it misses none.
//
// Owned by the store. Thread rule: any thread.
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <mutex>
#include <unordered_map>
#include <vector>

#include "edge/cache/budget.h"
#include "edge/cache/pins.h"

namespace perigee::cache {

class StoredResponse;

// Unlinked together. Weights are what freeing them is expected to return to the budget.
struct Unlinked {
  struct Item {
    StoredResponse* response;
    uint64_t weight;
  };
  std::vector<Item> items;
  uint64_t weight = 0;

  void add(StoredResponse* response, uint64_t bytes) {
    items.push_back({response, bytes});
    weight += bytes;
  }
};

// What the reclaimer sees of a reader. Alone on its cache lines; only its worker writes it, but for the owed
// marks in the pins.
struct alignas(64) Presence {
  std::atomic<uint64_t> announced{0};  // 0: not in a turn
  Pins pins;
};

class Limbo {
 public:
  explicit Limbo(Budget& budget) : budget_(budget) {}
  ~Limbo();  // frees everything: no reader may be in use any more

  void add_reader(Presence& reader);
  // At the first look-up of a turn, before any link is read.
  void turn_begin(Presence& reader) {
    reader.announced.store(epoch_.load(std::memory_order_seq_cst), std::memory_order_seq_cst);
  }
  // True when there is something that reclaim() might free now.
  bool turn_end(Presence& reader) {
    reader.announced.store(0, std::memory_order_seq_cst);
    return waiting_.load(std::memory_order_seq_cst) != 0;
  }
  void add(Unlinked&& unlinked);
  // Frees what is out of reach and not pinned. Returns how many responses that were.
  size_t reclaim();
  // A reader's last pin of that response is gone, and it was marked as owed.
  void release(StoredResponse* response);

  // How many responses wait for turns to end.
  size_t waiting() const { return waiting_.load(std::memory_order_relaxed); }
  // Weight of what waits for turns to end: not free yet, but about to be. Without what is pinned.
  uint64_t weight() const { return weight_.load(std::memory_order_relaxed); }

 private:
  struct Waiting {
    StoredResponse* response;
    uint64_t weight;
    uint64_t stamp;
  };

  uint64_t oldest_announced() const;
  size_t readers_pinning(const StoredResponse* response);

  Budget& budget_;
  // Read by every turn and written by unlinking only: on a line of their own.
  alignas(64) std::atomic<uint64_t> epoch_{1};
  std::atomic<size_t> waiting_{0};
  alignas(64) std::atomic<uint64_t> weight_{0};
  std::mutex mutex_;  // guards the rest
  std::vector<Presence*> readers_;
  std::deque<Waiting> queue_;                           // in the order of their stamps
  std::unordered_map<StoredResponse*, size_t> pinned_;  // out of reach, with the number of readers that owe
};

}  // namespace perigee::cache
