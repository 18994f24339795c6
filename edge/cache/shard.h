// One shard of the store: its part of the index, its lock, its eviction strategy.
//
// Readers walk the chains without the lock; links change under it, newest first. What is unlinked is handed
// out as Unlinked and keeps its own link, so that a reader standing on it goes on.
//
// Owned by the store. Thread rule: any thread; every function takes the lock itself.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>

#include "edge/cache/eviction.h"
#include "edge/cache/index.h"
#include "edge/cache/key.h"
#include "edge/cache/limbo.h"
#include "edge/cache/stored_response.h"

namespace perigee::cache {

struct SweepStep;  // store.h

class Shard final : private SegmentTable {
 public:
  // fullness_most: for how many bytes a response counts at most when shards are compared. One may be larger
  // than a shard's share of the budget, and is not to cost its neighbours their places.
  Shard(const Index& index, unsigned number, Budget& budget, EvictionKind eviction, uint64_t fullness_most);
  ~Shard();
  Shard(const Shard&) = delete;
  Shard& operator=(const Shard&) = delete;

  // Puts it in the place of the variant with the same selecting bytes, of one without any, and of a marker; a
  // marker takes only a marker's place. The oldest variant goes when there are too many.
  void insert(StoredResponse* fresh, Unlinked& unlinked);
  // What is stored of one variant, for insert_over().
  struct Held {
    bool whole = false;
    bool partial = false;
    std::shared_ptr<const Body> body;  // of a partial one, and of a large whole one
    PurgeStamp purge_stamp = 0;
  };
  Held held(const KeyView& key, std::string_view selecting);
  // insert(), if what is held is still the same.
  bool insert_over(const Held& held, StoredResponse* fresh, Unlinked& unlinked);
  // Puts fresh in the place of stale, and of what insert() would replace when it is selected otherwise.
  // False, and nothing is done, when stale is not linked.
  bool replace(const StoredResponse& stale, StoredResponse* fresh, Unlinked& unlinked);
  // Returns the number of variants, without a marker.
  size_t purge(const KeyView& key, Unlinked& unlinked);
  // Compares the responses of some buckets with the purges; see Store::sweep(). Returns the next bucket, 0 at
  // the end.
  uint32_t sweep(uint32_t first, const SweepStep& step, const PurgeTable& purges, Unlinked& unlinked);
  // False when there was nothing to evict, or, unless asked to wait, when the lock is taken.
  bool evict_one(bool wait, Unlinked& unlinked);
  void touched(const StoredResponse& response);

  size_t responses() const { return responses_.load(std::memory_order_relaxed); }
  // What the responses weigh, each for fullness_most at most.
  uint64_t fullness() const { return fullness_.load(std::memory_order_relaxed); }
  uint64_t evictions() const { return evictions_.load(std::memory_order_relaxed); }

 private:
  bool oldest(SegmentId id, uint8_t queue, Segment& out) override;
  size_t count(SegmentId id, uint8_t queue) override;
  void move(const Segment& segment, uint8_t queue, uint8_t hits) override;
  void evict(const Segment& segment) override;

  Index::Link& bucket(uint32_t low) const { return index_.bucket(number_, low); }
  Held held_locked(uint32_t low, std::string_view key, std::string_view selecting) const;
  void insert_locked(StoredResponse* fresh, Unlinked& unlinked);
  void link(StoredResponse* fresh);
  uint64_t fullness_of(const StoredResponse& response) const;
  void unlink(StoredResponse* response, Unlinked& unlinked);
  // The variant fresh takes the place of, the strategy's queue included; the rest that it supersedes goes.
  StoredResponse* supersede(const StoredResponse& fresh, Unlinked& unlinked);
  static bool takes_place_of(const StoredResponse& fresh, const StoredResponse& old);
  void remove_superseded(const StoredResponse& fresh, const StoredResponse& but, Unlinked& unlinked);
  void drop_oldest_variant(const StoredResponse& fresh, Unlinked& unlinked);
  void remove(StoredResponse* response, Unlinked& unlinked);
  void compare(StoredResponse* response, const PurgeTable& purges, Unlinked& unlinked);
  void recharge();

  const Index index_;
  const unsigned number_;
  Budget& budget_;
  const uint64_t fullness_most_;
  std::mutex mutex_;
  const std::unique_ptr<EvictionStrategy> eviction_;
  Unlinked* evicted_ = nullptr;  // while evict_one() runs
  size_t charged_ = 0;           // for the strategy's memory
  std::atomic<size_t> responses_{0};
  std::atomic<uint64_t> fullness_{0};
  std::atomic<uint64_t> evictions_{0};
};

}  // namespace perigee::cache
