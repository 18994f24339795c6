#include "edge/net/timer.h"

#include <algorithm>
#include <bit>
#include <functional>

namespace perigee::net {
namespace {

constexpr int slot_bits = 8;
constexpr uint64_t slot_mask = 255;
constexpr uint64_t span_ms = uint64_t{1} << 32;  // what the four levels reach

uint64_t floor_ms(MonoTime at) {
  auto ms = std::chrono::floor<std::chrono::milliseconds>(at.time_since_epoch()).count();
  return ms > 0 ? static_cast<uint64_t>(ms) : 0;
}

uint64_t ceil_ms(MonoTime at) {
  auto ms = std::chrono::ceil<std::chrono::milliseconds>(at.time_since_epoch()).count();
  return ms > 0 ? static_cast<uint64_t>(ms) : 0;
}

MonoTime from_ms(uint64_t ms) { return MonoTime(std::chrono::milliseconds(ms)); }

// How many slots after `from` the next occupied one lies, cyclically, counting from 0; 256 if there is none.
uint64_t distance_to_occupied(const uint64_t (&bits)[4], uint64_t from) {
  for (uint64_t step = 0; step <= 4; ++step) {
    uint64_t word = (from / 64 + step) % 4;
    uint64_t found = bits[word];
    if (step == 0) found &= ~uint64_t{0} << (from % 64);
    if (found == 0) continue;
    uint64_t slot = word * 64 + static_cast<uint64_t>(std::countr_zero(found));
    return (slot - from) & slot_mask;
  }
  return 256;
}

}  // namespace

void Timer::cancel() {
  if (wheel_ != nullptr) wheel_->unlink(*this);
}

TimerWheel::TimerWheel(MonoTime start) : now_ms_(floor_ms(start)) {}

TimerWheel::~TimerWheel() {
  for (auto& level : wheel_) {
    for (Timer*& head : level) {
      while (head != nullptr) unlink(*head);
    }
  }
}

void TimerWheel::arm(Timer& timer, MonoTime deadline) {
  timer.cancel();
  timer.wheel_ = this;
  timer.deadline_ms_ = ceil_ms(deadline);
  ++armed_;
  ++arms_;
  place(timer);
}

void TimerWheel::place(Timer& timer) {
  uint64_t due = std::clamp(timer.deadline_ms_, now_ms_, now_ms_ + span_ms - 1);
  uint64_t delta = due - now_ms_;
  int level = delta == 0 ? 0 : static_cast<int>(std::bit_width(delta) - 1) / slot_bits;
  uint64_t slot = (due >> (slot_bits * level)) & slot_mask;
  Timer*& head = wheel_[level][slot];
  timer.next_ = head;
  if (head != nullptr) head->prev_ = &timer.next_;
  head = &timer;
  timer.prev_ = &head;
  occupied_[level][slot / 64] |= uint64_t{1} << (slot % 64);
}

void TimerWheel::unlink(Timer& timer) {
  detach(timer);
  timer.wheel_ = nullptr;
  --armed_;
}

void TimerWheel::detach(Timer& timer) {
  Timer** link = timer.prev_;
  *link = timer.next_;
  if (timer.next_ != nullptr) timer.next_->prev_ = link;
  timer.next_ = nullptr;
  timer.prev_ = nullptr;
  if (*link != nullptr) return;
  // A link inside the table is the head of a slot, which is empty now; other links belong to timers or to a
  // list being fired.
  Timer** first = &wheel_[0][0];
  std::less<Timer**> before;
  if (before(link, first) || !before(link, first + levels * slots)) return;
  auto index = static_cast<uint64_t>(link - first);
  occupied_[index / slots][index % slots / 64] &= ~(uint64_t{1} << (index % 64));
}

void TimerWheel::cascade(int level) {
  take_slot(level, (now_ms_ >> (slot_bits * level)) & slot_mask, [this](Timer& timer) {
    detach(timer);
    place(timer);
  });
}

template <typename Visit>
void TimerWheel::take_slot(int level, uint64_t slot, Visit visit) {
  Timer* list = wheel_[level][slot];
  if (list == nullptr) return;
  wheel_[level][slot] = nullptr;
  occupied_[level][slot / 64] &= ~(uint64_t{1} << (slot % 64));
  list->prev_ = &list;
  while (list != nullptr) visit(*list);
}

uint64_t TimerWheel::next_event_ms() const {
  uint64_t next = ~uint64_t{0};
  uint64_t near = distance_to_occupied(occupied_[0], now_ms_ & slot_mask);
  if (near < 256) next = now_ms_ + near;
  for (int level = 1; level < levels; ++level) {
    uint64_t block = now_ms_ >> (slot_bits * level);
    // The slot of the current block was emptied when the block began; what stands there now is due one round
    // later.
    uint64_t steps = distance_to_occupied(occupied_[level], (block + 1) & slot_mask);
    if (steps < 256) next = std::min(next, (block + 1 + steps) << (slot_bits * level));
  }
  return next;
}

std::optional<MonoTime> TimerWheel::next_deadline() const {
  if (armed_ == 0) return std::nullopt;
  return from_ms(next_event_ms());
}

void TimerWheel::move_to(uint64_t ms) {
  // Armed for a millisecond already passed while it was being fired: they move along.
  uint64_t passed = now_ms_ & slot_mask;
  now_ms_ = ms;
  take_slot(0, passed, [this](Timer& timer) {
    detach(timer);
    place(timer);
  });
  for (int level = levels - 1; level > 0; --level) {
    if ((ms & ((uint64_t{1} << (slot_bits * level)) - 1)) == 0) cascade(level);
  }
}

void TimerWheel::advance(MonoTime now) {
  uint64_t target = std::max(floor_ms(now), now_ms_);
  while (armed_ != 0) {
    take_slot(0, now_ms_ & slot_mask, [this](Timer& timer) {
      unlink(timer);
      timer.handler_->on_timer(timer);
    });
    if (now_ms_ == target) return;
    uint64_t next = wheel_[0][now_ms_ & slot_mask] != nullptr ? now_ms_ + 1 : next_event_ms();
    move_to(std::min(next, target));
  }
  now_ms_ = target;
}

}  // namespace perigee::net
