// The machinery behind store.h: index, shards, limbo and readers of one store, and the rule that makes room.
//
// Owned by the Store. Thread rule: any thread.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

#include "edge/cache/budget.h"
#include "edge/cache/limbo.h"
#include "edge/cache/reader.h"
#include "edge/cache/shard.h"
#include "edge/cache/store.h"

namespace perigee::cache {

class StoreCore {
 public:
  explicit StoreCore(const StoreOptions& options);
  ~StoreCore();
  StoreCore(const StoreCore&) = delete;
  StoreCore& operator=(const StoreCore&) = delete;

  Budget& budget() { return budget_; }
  const Index& index() const { return index_; }
  Limbo& limbo() { return limbo_; }
  bool wants_touches() const { return wants_touches_; }
  void touched(uint64_t hash, const StoredResponse& response) {
    shards_[index_.shard(hash)]->touched(response);
  }
  Reader& add_reader();

  // Null when a part is too long. Charged from now on; a complete large_body that is small in fact is copied.
  StoredResponse* draw(const Draft& draft, std::string_view small_body,
                       std::shared_ptr<const Body> large_body);
  // See Store::sweep().
  size_t sweep(SweepCursor& cursor, const SweepStep& step, const PurgeTable& purges);
  void discard(StoredResponse* response) { StoredResponse::destroy(budget_, response); }
  // Takes the response; false, and it is freed, when there is no room for it.
  bool insert(uint64_t hash, StoredResponse* response);
  bool refresh(const StoredResponse& stored, const Draft& draft);
  bool add_run(const Draft& draft, const RunOf& run, const std::shared_ptr<const Body>& bytes,
               bool replace_whole);
  size_t purge(const KeyView& key);

  // Evicts and frees until the budget holds. False when all that could go has gone and it still does not.
  bool settle();
  StoreStats stats() const;

 private:
  // What waits in the limbo is as good as free: it does not call for more evictions.
  bool over(uint64_t about_to_go) const {
    return budget_.used() > budget_.usable() + limbo_.weight() + about_to_go;
  }
  bool evict();
  size_t fullest_shard() const;
  bool fits(const StoredResponse& response) const;

  Budget budget_;
  std::unique_ptr<Index::Link[]> links_;
  Index index_;
  Limbo limbo_;
  std::vector<std::unique_ptr<Shard>> shards_;
  bool wants_touches_ = false;
  std::mutex readers_mutex_;
  std::vector<std::unique_ptr<Reader>> readers_;
};

}  // namespace perigee::cache
