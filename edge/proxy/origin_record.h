// An origin server as the workers of a node see it together: its health, and figures for GET /topology.
//
// A server is its group and its address; what is known of it outlives a reload as long as some snapshot names
// it.
//
// Ownership: snapshots share the records; the Node's OriginBook finds them again. Thread rule: a record may
// be used by any thread; its health is behind a lock, taken for a few instructions once or twice per fetch
// that reaches the origin tier, never on a hit. The book belongs to the control loop.
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>

#include "edge/cluster/origin_health.h"

namespace perigee::proxy {

class OriginRecord {
 public:
  OriginRecord(std::string of_group, std::string at, cluster::OriginHealthOptions options, Random random)
      : group(std::move(of_group)), address(std::move(at)), health_(options, random) {}

  const std::string group;
  const std::string address;  // as configured

  std::atomic<uint64_t> requests{0};  // admitted
  std::atomic<uint64_t> failed{0};    // of these, as the breaker sees it
  std::atomic<uint64_t> refused{0};   // not sent: the breaker was open
  std::atomic<uint64_t> opened{0};    // times that the breaker opened
  std::atomic<uint64_t> probes_failed{0};
  // Of requests under way, as some worker last adapted it; 0: it does not adapt, or was never told to.
  std::atomic<uint32_t> limit{0};
  std::atomic<int64_t> probe_us{-1};  // how long the last probe took; -1: none, or it failed

  // Calls a function with the health, alone.
  template <typename Use>
  auto with(Use use) {
    const std::lock_guard lock(mutex_);
    return use(health_);
  }

 private:
  std::mutex mutex_;
  cluster::OriginHealth health_;
};

// An admitted request: tells the record how it ended, or that it ended without saying anything.
class OriginAttempt {
 public:
  OriginAttempt() = default;
  OriginAttempt(std::shared_ptr<OriginRecord> record, cluster::OriginHealth::Admission admission)
      : record_(std::move(record)), admission_(admission) {}
  OriginAttempt(OriginAttempt&& other) noexcept = default;
  OriginAttempt& operator=(OriginAttempt&& other) noexcept {
    withdraw();
    record_ = std::move(other.record_);
    admission_ = other.admission_;
    return *this;
  }
  ~OriginAttempt() { withdraw(); }

  // True when this opened the breaker. Only the first call counts.
  bool ended(bool good, MonoTime now) {
    const std::shared_ptr<OriginRecord> record = std::move(record_);
    record_.reset();
    if (record == nullptr) return false;
    if (!good) record->failed.fetch_add(1, std::memory_order_relaxed);
    const bool opened = record->with([&](auto& health) { return health.ended(admission_, good, now); });
    if (opened) record->opened.fetch_add(1, std::memory_order_relaxed);
    return opened;
  }

 private:
  void withdraw() {
    if (record_ != nullptr) record_->with([&](auto& health) { health.withdrawn(admission_); });
    record_.reset();
  }

  std::shared_ptr<OriginRecord> record_;  // null: nothing is to be told
  cluster::OriginHealth::Admission admission_;
};

class OriginBook {
 public:
  explicit OriginBook(Random random) : random_(random) {}

  // With these options from now on.
  std::shared_ptr<OriginRecord> of(const std::string& group, const std::string& address,
                                   const cluster::OriginHealthOptions& options) {
    std::erase_if(records_, [](const auto& entry) { return entry.second.expired(); });
    std::weak_ptr<OriginRecord>& known = records_[{group, address}];
    std::shared_ptr<OriginRecord> record = known.lock();
    if (record == nullptr) {
      known = record = std::make_shared<OriginRecord>(group, address, options, Random(random_.next()));
    } else {
      record->with([&](auto& health) { health.set_options(options); });
    }
    return record;
  }

 private:
  Random random_;
  std::map<std::pair<std::string, std::string>, std::weak_ptr<OriginRecord>> records_;
};

}  // namespace perigee::proxy
