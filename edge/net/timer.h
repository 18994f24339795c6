// Timers of one loop: a wheel of intrusive nodes, so that arming and cancelling costs no allocation.
//
// A Timer is a member of the thing that waits. Destroying it cancels it. It fires at most once per arm(),
// from the loop's turn, at the first turn whose time is at or after the deadline rounded up to a millisecond.
//
// Thread rule: the loop's thread only.
#pragma once

#include <cstdint>
#include <optional>

#include "edge/base/clock.h"

namespace perigee::net {

class Timer;
class TimerWheel;

class TimerHandler {
 public:
  virtual void on_timer(Timer& timer) = 0;

 protected:
  ~TimerHandler() = default;
};

class Timer {
 public:
  explicit Timer(TimerHandler& handler) : handler_(&handler) {}
  ~Timer() { cancel(); }
  Timer(const Timer&) = delete;
  Timer& operator=(const Timer&) = delete;

  bool armed() const { return wheel_ != nullptr; }
  void cancel();

 private:
  friend class TimerWheel;
  TimerHandler* handler_;
  TimerWheel* wheel_ = nullptr;
  Timer* next_ = nullptr;
  Timer** prev_ = nullptr;  // the pointer that points at us
  uint64_t deadline_ms_ = 0;
};

// Hierarchical wheel (Varghese, Lauck 1987): four levels of 256 slots of 1 ms, 256 ms, 65 s, 4.6 h; later
// deadlines wait in the last slot and are placed again. arm and cancel are O(1).
class TimerWheel {
 public:
  explicit TimerWheel(MonoTime start);
  ~TimerWheel();  // every timer left is disarmed
  TimerWheel(const TimerWheel&) = delete;
  TimerWheel& operator=(const TimerWheel&) = delete;

  // Arms or re-arms.
  void arm(Timer& timer, MonoTime deadline);
  // How often arm() was called: only that can bring next_deadline() forward.
  uint64_t arms() const { return arms_; }
  // When the next turn is needed for a timer; nullopt without timers. May be early (a cascade), never late.
  std::optional<MonoTime> next_deadline() const;
  // Fires all that is due, in order of their millisecond. Handlers may arm, cancel and destroy any timer; one
  // armed for now or earlier by a handler fires at the next advance() at the latest.
  void advance(MonoTime now);

 private:
  friend class Timer;
  static constexpr int levels = 4;
  static constexpr int slots = 256;

  void place(Timer& timer);
  void unlink(Timer& timer);
  void detach(Timer& timer);
  void cascade(int level);
  void move_to(uint64_t ms);
  // The next millisecond at which something fires or moves down a level.
  uint64_t next_event_ms() const;
  // Empties a slot and gives visit() its timers one by one; visit() must unlink or detach each.
  template <typename Visit>
  void take_slot(int level, uint64_t slot, Visit visit);

  uint64_t now_ms_;  // everything due before this millisecond has fired
  uint64_t armed_ = 0;
  uint64_t arms_ = 0;
  uint64_t occupied_[levels][slots / 64] = {};
  Timer* wheel_[levels][slots] = {};
};

}  // namespace perigee::net
