// The store: stored responses under their cache keys, in RAM, within one byte budget.
//
// The store knows no HTTP: it keeps metadata, a head, selecting bytes and a body, and finds them again. Whether a response may be kept or used is
// policy.h's affair.
//
// A look-up takes no lock and writes no shared line. What it returns is good until the end of the worker's turn
// (Reader::turn_end()); to keep it longer, pin it in the same turn. Inserting, refreshing, purging and evicting lock one shard; what
// they unlink is freed when every reader has ended a turn, or is parked, since then and nobody pins it.
//
// Bodies up to small_body_max live in one allocation with head and metadata; larger ones are a shared Body.
// No code above assumes that a body is in RAM: Lookup::pending is part of the interface, though the RAM store never says it.
//
// Thread rule: lookup() through the calling worker's Reader only; everything else from any thread.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string_view>
#include <vector>

#include "edge/cache/body.h"
#include "edge/cache/budget.h"
#include "edge/cache/key.h"
#include "edge/cache/meta.h"
#include "edge/http/fields.h"

namespace perigee::cache {

inline constexpr size_t small_body_max = 64 * 1024;
inline constexpr size_t variants_max = 64;  // per key; beyond, the oldest variant goes

// One stored response: [this][key][selecting][head][small body] in one allocation. Immutable, but for the store's own links and counters.
class StoredResponse {
 public:
  const ResponseMeta& meta() const;
  std::string_view key() const;
  std::string_view selecting() const;  // empty without Vary
  std::string_view head() const;       // status line and field lines, lower-case names, no blank line; see serve::ReplyHead
  bool has_small_body() const;
  std::string_view small_body() const;
  const std::shared_ptr<Body>& large_body() const;  // only without small body
  uint64_t body_length() const;

 private:
  friend class Store;
  friend class StoreShard;
  friend class Reader;
  StoredResponse() = default;
  // Fields are laid out in stored_response.cc / the store's private header; see there.
};

struct Lookup {
  enum class State : uint8_t { hit, miss, pending };
  State state = State::miss;
  const StoredResponse* response = nullptr;
  bool other_variants = false;  // miss: the key is there, but no variant that this request selects
};

class Store;

// One worker's access to the store.
class Reader {
 public:
  // The variant of key that the request selects; the newest when several match.
  Lookup lookup(const KeyView& key, const http::FieldList& request);
  // Pins, so that the response outlives this turn. Counted; every pin needs an unpin on the same thread.
  void pin(const StoredResponse& response);
  void unpin(const StoredResponse& response);
  // Everything looked up and not pinned is forgotten. Called at the end of each wake-up.
  void turn_end();

 private:
  friend class Store;
  // ... private state of one worker, on its own cache lines
};

// A response on its way into the store. Dropping it without commit() stores nothing.
class Writer {
 public:
  Writer(Writer&&) noexcept;
  ~Writer();
  // Puts the response into the index, replacing the variant with the same selecting bytes. Evicts to make room. False when it cannot be kept (too large, failed body).
  bool commit();

 private:
  friend class Store;
  Writer() = default;
};

struct StoreOptions {
  uint64_t budget_bytes = 256ull << 20;
  unsigned shards = 16;  // a power of two
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
};

class Store {
 public:
  explicit Store(const StoreOptions& options);
  ~Store();  // no Reader may be in use any more

  Budget& budget();
  // One per worker, before workers start; lives as long as the store. waker: asked to wake a sleeping worker's loop so that memory can be freed.
  Reader& add_reader();

  // A small body, or a complete large one.
  Writer begin(const Draft& draft, std::string_view small_body);
  Writer begin(const Draft& draft, std::shared_ptr<Body> body);

  // A 304 (or HEAD) brought a new head and metadata for `stored`: a new stored response with the same body takes its place. False when it is no longer in the index.
  bool refresh(const StoredResponse& stored, const Draft& draft);

  // Remembers that the key is not worth waiting for: a marker whose meta has hit_for_miss and a freshness lifetime. A commit under the key replaces it.
  void remember_hit_for_miss(const KeyView& key, const ResponseMeta& meta);

  // Removes every variant of the key. Returns how many there were.
  size_t purge(const KeyView& key);
  StoreStats stats() const;

 private:
  // pimpl: store.cc
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace perigee::cache
