#include <utility>

#include "edge/cache/fill.h"

namespace perigee::cache {

FillTable::FillTable(Store& store, const FillLimits& limits) : store_(store), limits_(limits) {}

FillTable::~FillTable() = default;

std::shared_ptr<Fill> FillTable::make(const KeyView& key, WorkerFills& worker, bool shared, bool keep,
                                      MonoTime started) {
  in_flight_.fetch_add(1, std::memory_order_relaxed);
  return std::shared_ptr<Fill>(new Fill(*this, key, worker, shared, keep, started));
}

FillTable::Joined FillTable::join(const KeyView& key, WorkerFills& worker, Follower& follower,
                                  MonoTime started) {
  std::shared_ptr<Fill> ended;  // dropped without the lock
  Part& in = part(key.hash);
  const std::lock_guard lock(in.mutex);
  const auto running = in.fills.find(key.bytes);
  if (running != in.fills.end()) {
    switch (running->second->admit(worker, follower)) {
      case Fill::Admission::joined:
        return {running->second, false};
      case Fill::Admission::full:
        return {};
      case Fill::Admission::ended:
        break;  // it is about to leave the table
    }
    ended = std::move(running->second);
    in.fills.erase(running);
  }
  if (in_flight() >= limits_.fills_max) return {};
  std::shared_ptr<Fill> fill = make(key, worker, true, true, started);
  fill->admit(worker, follower);
  in.fills.emplace(fill->key(), fill);
  return {std::move(fill), true};
}

std::shared_ptr<Fill> FillTable::find(const KeyView& key) {
  Part& in = part(key.hash);
  const std::lock_guard lock(in.mutex);
  const auto running = in.fills.find(key.bytes);
  return running == in.fills.end() ? nullptr : running->second;
}

std::shared_ptr<Fill> FillTable::start_private(const KeyView& key, WorkerFills& worker, Follower& follower,
                                               bool keep, MonoTime started) {
  std::shared_ptr<Fill> fill = make(key, worker, false, keep, started);
  fill->admit(worker, follower);
  return fill;
}

void FillTable::remove(const Fill& fill) {
  std::shared_ptr<Fill> removed;  // dropped without the lock
  Part& in = part(fill.hash_);
  const std::lock_guard lock(in.mutex);
  const auto entry = in.fills.find(fill.key());
  if (entry == in.fills.end() || entry->second.get() != &fill) return;
  removed = std::move(entry->second);
  in.fills.erase(entry);
}

PurgeStamp FillTable::oldest_purge_stamp(PurgeStamp newest) {
  for (Part& in : parts_) {
    const std::lock_guard lock(in.mutex);
    for (const auto& [key, fill] : in.fills) {
      const std::optional<PurgeStamp> stamp = fill->purge_stamp();
      if (stamp && is_older(*stamp, newest)) newest = *stamp;
    }
  }
  return newest;
}

}  // namespace perigee::cache
