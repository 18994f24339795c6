// The store: stored responses under their cache keys, in RAM, within one byte budget.
//
// The store knows no HTTP: it keeps metadata, a head, selecting bytes and a body, and finds them again.
// Whether a response may be kept or used is policy.h's affair.
//
// A look-up (reader.h) takes no lock and writes no shared line. What it returns is good until the end of the
// worker's turn (Reader::turn_end()); to keep it longer, pin it in the same turn. Inserting, refreshing,
// purging and evicting lock one shard; what they unlink is freed when every turn that was running has ended
// and nobody pins it (limbo.h).
//
// The budget holds whenever no turn is running: bytes used are at most bytes_max, unless pins and fills in
// flight alone hold more. While turns run, what they may still be looking at comes on top.
//
// Bodies up to Budget::small_body_max() live in one allocation with head and metadata; larger ones are a
// shared Body. No code above assumes that a body is in RAM: Lookup::pending is part of the interface, though
// the RAM store never says it.
//
// Thread rule: lookup() through the calling worker's Reader only; everything else from any thread.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>

#include "edge/base/block_memory.h"
#include "edge/cache/body.h"
#include "edge/cache/budget.h"
#include "edge/cache/eviction.h"
#include "edge/cache/key.h"
#include "edge/cache/meta.h"
#include "edge/cache/purge.h"
#include "edge/cache/reader.h"
#include "edge/cache/sparse_body.h"
#include "edge/cache/stored_response.h"

namespace perigee::cache {

inline constexpr size_t variants_max = 64;  // per key; beyond, the oldest variant goes

class StoreCore;

// A response on its way into the store, charged to the budget. Dropping it without commit() stores nothing.
class Writer {
 public:
  Writer(Writer&& other) noexcept;
  Writer& operator=(Writer&&) = delete;
  ~Writer();
  // Puts the response into the index, replacing the variant with the same selecting bytes and, if it has any,
  // the one without. Evicts to make room. False when it cannot be kept: a key, head or body too long, a body
  // that is not whole, no room though everything else was evicted. Once.
  bool commit();

 private:
  friend class Store;
  Writer(StoreCore& core, uint64_t hash, StoredResponse* response);

  StoreCore* core_;
  uint64_t hash_;
  StoredResponse* response_;  // null: cannot be kept, or committed
};

struct StoreOptions {
  uint64_t budget_bytes = 256ull << 20;
  unsigned shards = 16;  // rounded up to a power of two
  EvictionKind eviction = EvictionKind::s3_fifo_adaptive;
  BlockMemory* blocks = nullptr;  // for large bodies; null: the heap
  PieceHeap* pieces = nullptr;    // for stored responses; null: the heap
};

struct StoreStats {
  uint64_t responses = 0;
  uint64_t bytes_used = 0;
  uint64_t bytes_max = 0;
  uint64_t evictions = 0;
};

// What is to be stored.
struct Draft {
  KeyView key;
  std::string_view selecting;
  std::string_view head;
  ResponseMeta meta;
  PurgeStamp purge_stamp = 0;  // of when its fetch was sent
};

// How much of a sweep is done at once. A response that is looked at is one piece of work, and each 64 KiB
// that its removal frees another; a response is never divided. waiting: how many removed responses may wait
// for turns to end before the sweep does.
struct SweepStep {
  size_t buckets = 4 * 1024;
  size_t work = 16;
  size_t waiting = 128;
};

// How far a sweep has come.
struct SweepCursor {
  unsigned shard = 0;
  uint32_t bucket = 0;  // of the shard
  uint64_t rounds = 0;  // whole rounds done
};

class Store {
 public:
  explicit Store(const StoreOptions& options);
  // No Reader may be in use any more, and no Body or Block that was charged here may be left.
  ~Store();
  Store(const Store&) = delete;
  Store& operator=(const Store&) = delete;

  Budget& budget();
  // One per worker; lives as long as the store.
  Reader& add_reader();

  // A small body, or a complete large one. A body that is small in fact is copied; small_body is at most
  // 64 KiB.
  Writer begin(const Draft& draft, std::string_view small_body);
  Writer begin(const Draft& draft, std::shared_ptr<const Body> body);

  // A run of a representation has arrived: it joins what is stored of it under the same key, selecting bytes
  // and validator, with the head and metadata of the draft, or takes its place when the validator is another.
  // The result is partial (meta) until every byte is here. What is stored whole stays, unless replace_whole.
  // False when it was not added: no room, too many runs, nothing new.
  bool add_run(const Draft& draft, const RunOf& run, std::shared_ptr<const Body> bytes, bool replace_whole);

  // A 304 (or HEAD) brought a new head and metadata for `stored`, which the caller has in its turn or pinned:
  // a new stored response with the same body takes its place. The draft has the same key; its selecting bytes
  // may be others. False when it is no longer in the index, or there is no room.
  bool refresh(const StoredResponse& stored, const Draft& draft);

  // Remembers that the key is not worth waiting for: a marker with this meta and the flag hit_for_miss. A
  // commit under the key replaces it.
  void remember_hit_for_miss(const KeyView& key, const ResponseMeta& meta);

  // Removes every variant of the key, and a marker. Returns how many variants there were.
  size_t purge(const KeyView& key);

  // Goes on with a sweep by one step, under one shard's lock: removes what is purged, and stamps the rest
  // with the table's position, so that older rules can be pruned after a round. Returns how many responses it
  // removed. Does nothing while much of what was removed before, by others too, waits for turns to end, or
  // when this step has freed more of it than it would look at: whoever frees it, a worker at the end of its
  // turn perhaps, has little to free.
  size_t sweep(SweepCursor& cursor, const SweepStep& step, const PurgeTable& purges);

  // The process holds so much more than its budget accounts for: the store does with less, and evicts down to
  // it.
  void set_lost(uint64_t bytes);

  // Evicts until the budget holds: for bytes charged by fills in flight. False when it cannot.
  bool make_room();

  StoreStats stats() const;

 private:
  const std::unique_ptr<StoreCore> core_;
};

}  // namespace perigee::cache
