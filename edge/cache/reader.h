// One worker's access to the store: look-ups that take no lock and write no shared line.
//
// A turn is one wake-up of the worker's loop. It begins with the first look-up and ends with turn_end(); what
// was looked up in between stays readable that long, and longer while it is pinned. A worker outside of a
// turn holds nothing up.
//
// Owned by the store, which outlives it; used by one worker. Thread rule: that worker's thread.
#pragma once

#include <cstdint>
#include <vector>

#include "edge/cache/index.h"
#include "edge/cache/key.h"
#include "edge/cache/limbo.h"
#include "edge/cache/purge.h"
#include "edge/cache/stored_response.h"
#include "edge/http/fields.h"

namespace perigee::cache {

class StoreCore;

struct Lookup {
  enum class State : uint8_t { hit, miss, pending };
  State state = State::miss;
  const StoredResponse* response = nullptr;
  PurgeVerdict purged = PurgeVerdict::kept;  // hit: kept, stale or unverified, see after_purge()
  bool other_variants = false;  // miss: the key is there, but no variant that this request selects
};

class Reader {
 public:
  Reader(const Reader&) = delete;
  Reader& operator=(const Reader&) = delete;

  // The variant of key that the request selects; the newest when several match. Without one, a hit-for-miss
  // marker of the key (a hit whose meta says so), whatever the request selects.
  Lookup lookup(const KeyView& key, const http::FieldList& request);
  // From now on look-ups compare with the purges of the worker's table, which outlives its use here: what is
  // gone is not found.
  void set_purges(const PurgeTable& purges) { purges_ = &purges; }
  // The same without being counted as a use, and everything that is stored under the key, newest first and
  // the marker included: for looking at the store from outside.
  Lookup peek(const KeyView& key, const http::FieldList& request);
  std::vector<const StoredResponse*> all(const KeyView& key);
  // Loads the line where a look-up of that hash will begin; worth it when there is other work to do first.
  void prefetch(uint64_t hash) const { __builtin_prefetch(&index_.bucket(hash)); }
  // Pins, so that the response outlives this turn. Counted; every pin needs an unpin on the same thread.
  void pin(const StoredResponse& response);
  void unpin(const StoredResponse& response);
  // Everything looked up and not pinned is forgotten. Called at the end of each wake-up; cheap without a
  // look-up.
  void turn_end();

  // Stored responses that are pinned; any thread.
  size_t pinned() const { return presence_.pins.size(); }

 private:
  friend class StoreCore;
  explicit Reader(StoreCore& core);

  PurgeVerdict judge(const StoredResponse& response) const;
  void begin_turn();
  void count_hit(uint64_t hash, const StoredResponse& response);

  const Index index_;
  StoreCore& core_;
  const bool touches_;  // the eviction strategy wants to see every hit
  const PurgeTable* purges_ = nullptr;
  bool in_turn_ = false;
  Presence presence_;
};

}  // namespace perigee::cache
