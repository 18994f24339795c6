// One stored response, in one allocation: this header, then
//
//   [large body only: std::shared_ptr<const Body>] [where stale use is allowed: for how long] key, head,
//   [with Vary: length and selecting bytes], [small body]
//
// Everything is immutable but what the store itself keeps here: the link of the bucket's chain, the queue of
// the eviction strategy, the counter of hits, and up to which purge it was compared (purge.h); a reader
// stores the last two only when they change.
//
// Metadata per stored response, beyond key, head and body: 40 bytes here, 4 in a queue of the eviction
// strategy, 8 of malloc's header and on average 7.5 of its rounding, 8 with stale-while-revalidate or
// stale-if-error, and a share of the bucket array (4 to 8 bytes at 1 to 2 responses per bucket). See
// bench/micro/store.cc for the measured slope.
//
// Owned by the store: created by a Writer, freed by the Limbo. Thread rule: const functions anywhere, while
// the response cannot be freed (see store.h); the private parts are the store's.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <cstring>
#include <memory>
#include <new>
#include <string_view>

#include "edge/cache/body.h"
#include "edge/cache/budget.h"
#include "edge/cache/meta.h"
#include "edge/cache/purge.h"

namespace perigee::cache {

// Key and head must each be at most this long to be stored.
inline constexpr size_t stored_text_max = 65535;

class StoredResponse {
 public:
  ResponseMeta meta() const {
    ResponseMeta meta;
    meta.response_time_ms = response_time_ms_;
    meta.status = status_;
    meta.flags = meta_flags_;
    meta.corrected_initial_age = corrected_initial_age_;
    meta.freshness_lifetime = freshness_lifetime_;
    if (may_be_stale_) {
      const StaleUse use = stale_use();
      meta.stale_while_revalidate = use.while_revalidate;
      meta.stale_if_error = use.if_error;
    }
    return meta;
  }
  std::string_view key() const { return {text(), key_length_}; }
  std::string_view selecting() const {  // empty without Vary
    return flag(varies) ? std::string_view(after_head() + sizeof(uint16_t), selecting_length())
                        : std::string_view();
  }
  // Status line and field lines, lower-case names, no blank line; see serve::ReplyHead.
  std::string_view head() const { return {text() + key_length_, head_length_}; }
  bool has_small_body() const { return !flag(large); }
  std::string_view small_body() const {
    const size_t skip = flag(varies) ? sizeof(uint16_t) + selecting_length() : 0;
    return has_small_body() ? std::string_view(after_head() + skip, small_body_length()) : std::string_view();
  }
  // Only without small body.
  const std::shared_ptr<const Body>& large_body() const {
    return *std::launder(reinterpret_cast<const std::shared_ptr<const Body>*>(this + 1));
  }
  // Of the representation, though not all of it may be here.
  uint64_t body_length() const { return flag(large) ? large_body()->length() : small_body_length(); }
  // Purges up to here do not touch it.
  PurgeStamp purge_stamp() const { return purge_stamp_.load(std::memory_order_relaxed); }

 private:
  friend class StoreCore;
  friend class Shard;
  friend class Limbo;
  friend class Reader;
  friend class Writer;

  enum Flag : uint8_t { large = 1, varies = 2, body_64_kib = 4, softly_purged = 8, queue_shift = 4 };

  // Kept for few.
  struct StaleUse {
    int32_t while_revalidate;
    int32_t if_error;
  };
  struct Parts {
    uint32_t hash = 0;
    std::string_view key;
    std::string_view selecting;
    std::string_view head;
    ResponseMeta meta;
    std::string_view small_body;
    std::shared_ptr<const Body> large_body;  // instead of small_body
    PurgeStamp purge_stamp = 0;
  };
  // Allocates and charges; null when a part is too long.
  static StoredResponse* create(Budget& budget, Parts&& parts);
  // Frees, and returns the charge.
  static void destroy(Budget& budget, StoredResponse* response);

  explicit StoredResponse(const Parts& parts);
  ~StoredResponse() = default;

  bool flag(Flag which) const { return (flags_.load(std::memory_order_relaxed) & which) != 0; }
  const char* after_body_pointer() const {
    return reinterpret_cast<const char*>(this + 1) + (flag(large) ? sizeof(std::shared_ptr<const Body>) : 0);
  }
  const char* text() const { return after_body_pointer() + (may_be_stale_ ? sizeof(StaleUse) : 0); }
  StaleUse stale_use() const {
    StaleUse use;
    std::memcpy(&use, after_body_pointer(), sizeof use);
    return use;
  }
  const char* after_head() const { return text() + key_length_ + head_length_; }
  size_t selecting_length() const {
    uint16_t length = 0;
    std::memcpy(&length, after_head(), sizeof length);
    return length;
  }
  size_t small_body_length() const { return flag(body_64_kib) ? 65536 : body_length_; }
  size_t size() const;  // of the allocation, as asked for
  // What eviction frees: the allocation and the body.
  uint64_t weight() const { return allocated_bytes(size()) + (flag(large) ? large_body()->resident() : 0); }

  bool is_marker() const { return (meta_flags_ & ResponseMeta::hit_for_miss) != 0; }
  uint8_t queue() const { return flags_.load(std::memory_order_relaxed) >> queue_shift; }
  // Under the shard's lock.
  void set_queue(uint8_t queue) {
    const int immutable = flags_.load(std::memory_order_relaxed) & ((1 << queue_shift) - 1);
    flags_.store(static_cast<uint8_t>(immutable | (queue << queue_shift)), std::memory_order_relaxed);
  }
  // Under the shard's lock.
  void set_softly_purged() { flags_.fetch_or(softly_purged, std::memory_order_relaxed); }
  void set_purge_stamp(PurgeStamp stamp) const { purge_stamp_.store(stamp, std::memory_order_relaxed); }
  PurgeVerdict judge(const PurgeTable& purges) const {
    const PurgeVerdict verdict = purges.judge(purge_stamp(), key(), head());
    return flag(softly_purged) ? std::max(verdict, PurgeVerdict::stale) : verdict;
  }
  uint8_t hits() const { return hits_.load(std::memory_order_relaxed); }
  void set_hits(uint8_t hits) const { hits_.store(hits, std::memory_order_relaxed); }

  std::atomic<StoredResponse*> next_{nullptr};  // in the bucket's chain
  // As in ResponseMeta. may_be_stale_: a StaleUse follows.
  uint64_t response_time_ms_ : 42;  // never negative
  uint64_t status_ : 10;
  uint64_t meta_flags_ : 11;
  uint64_t may_be_stale_ : 1;
  int32_t corrected_initial_age_;
  int32_t freshness_lifetime_;
  uint32_t hash_;  // the low half of the key's hash; names the segment to eviction
  mutable std::atomic<PurgeStamp> purge_stamp_;
  uint16_t key_length_;
  uint16_t head_length_;
  uint16_t body_length_;  // of a small body
  std::atomic<uint8_t> flags_;
  mutable std::atomic<uint8_t> hits_{0};
};

static_assert(sizeof(StoredResponse) <= 40);

}  // namespace perigee::cache
