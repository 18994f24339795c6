// Time and order in a memory world: the manual clock, the queue of things that happen in the network, and the
// choice, drawn from a seed, of what comes next when several things could.
//
// Owned by the MemoryWorld; knows its loops by pointer while they live. A step is one network event or one
// turn of one loop. Among everything that is due at one instant any order is allowed and the seed picks it;
// nothing else (no address, no hash table) does.
//
// Thread rule: the world's one thread.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <tuple>
#include <vector>

#include "edge/base/clock.h"
#include "edge/base/random.h"

namespace perigee::net {

class MemoryLoop;

class MemoryScheduler {
 public:
  explicit MemoryScheduler(uint64_t seed);

  MonoTime now() const { return now_; }
  WallTime wall_now() const;
  void set_wall(WallTime wall);
  Random& random() { return random_; }

  // Runs the event in the step after the clock reached the time; a time that has passed counts as now.
  void at(MonoTime when, std::function<void()> event);

  uint64_t add_loop(MemoryLoop& loop);
  void remove_loop(MemoryLoop& loop);

  // One step at the current time; false when nothing is due.
  bool step();
  // When the next step is due: now or later; nullopt when nothing will ever happen by itself.
  std::optional<MonoTime> next_time() const;
  void move_clock(MonoTime to) { now_ = to; }

  // Everything that happens is folded in here, so that two runs can be compared.
  void trace(uint64_t what, uint64_t detail);
  uint64_t trace_digest() const { return digest_; }
  uint64_t steps() const { return steps_; }

 private:
  MonoTime now_;
  MonoTime wall_base_at_;
  WallTime wall_base_;
  Random random_;
  std::map<std::tuple<MonoTime, uint64_t, uint64_t>, std::function<void()>>
      events_;  // by time, seeded tie, arrival
  uint64_t next_event_ = 0;
  std::vector<MemoryLoop*> loops_;
  std::vector<MemoryLoop*> runnable_;
  uint64_t next_loop_ = 1;
  uint64_t digest_ = 0;
  uint64_t steps_ = 0;
};

}  // namespace perigee::net
