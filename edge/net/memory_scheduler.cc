#include "edge/net/memory_scheduler.h"

#include <algorithm>

#include "edge/net/memory_loop.h"

namespace perigee::net {
namespace {

// A world begins one hour after its own zero, so that "an hour ago" is a time, and on a fixed day.
constexpr MonoTime world_start{std::chrono::hours(1)};
constexpr int64_t world_start_unix_seconds = 1'750'000'000;

}  // namespace

MemoryScheduler::MemoryScheduler(uint64_t seed)
    : now_(world_start),
      wall_base_at_(world_start),
      wall_base_(wall_from_unix_seconds(world_start_unix_seconds)),
      random_(seed) {}

WallTime MemoryScheduler::wall_now() const {
  return wall_base_ + std::chrono::floor<std::chrono::milliseconds>(now_ - wall_base_at_);
}

void MemoryScheduler::set_wall(WallTime wall) {
  wall_base_ = wall;
  wall_base_at_ = now_;
}

void MemoryScheduler::at(MonoTime when, std::function<void()> event) {
  events_.emplace(std::tuple(std::max(when, now_), random_.next(), next_event_++), std::move(event));
}

uint64_t MemoryScheduler::add_loop(MemoryLoop& loop) {
  loops_.push_back(&loop);
  return next_loop_++;
}

void MemoryScheduler::remove_loop(MemoryLoop& loop) { std::erase(loops_, &loop); }

bool MemoryScheduler::step() {
  runnable_.clear();
  for (MemoryLoop* loop : loops_) {
    if (loop->runnable()) runnable_.push_back(loop);
  }
  bool event_due = !events_.empty() && std::get<0>(events_.begin()->first) <= now_;
  size_t choices = runnable_.size() + (event_due ? 1 : 0);
  if (choices == 0) return false;
  ++steps_;
  size_t choice = choices == 1 ? 0 : random_.below(choices);
  if (choice < runnable_.size()) {
    runnable_[choice]->turn();
    return true;
  }
  auto event = std::move(events_.begin()->second);
  events_.erase(events_.begin());
  event();
  return true;
}

std::optional<MonoTime> MemoryScheduler::next_time() const {
  MonoTime next = MonoTime::max();
  if (!events_.empty()) next = std::max(std::get<0>(events_.begin()->first), now_);
  for (const MemoryLoop* loop : loops_) {
    if (loop->runnable()) return now_;
    if (const auto deadline = loop->deadline_before(next)) next = std::max(*deadline, now_);
  }
  return next == MonoTime::max() ? std::nullopt : std::optional(next);
}

void MemoryScheduler::trace(uint64_t what, uint64_t detail) {
  auto since_start = static_cast<uint64_t>(now_.time_since_epoch().count());
  for (uint64_t value : {since_start, what, detail}) {
    digest_ = Random(digest_ ^ value).next();
  }
}

}  // namespace perigee::net
