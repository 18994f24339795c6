// What leaves the cache when room is needed: the seam between a shard of the store and an eviction strategy.
//
// A strategy orders segments: runs of at most a response (today a segment is a whole response). It knows them
// by id, bytes, hits and the number of the queue it put them into; it never holds a pointer to one. A queue
// of ids may therefore name segments that are gone (purged, replaced): oldest() says so, and the slot is
// dropped then. An id stands for every segment with the same hash in the shard: variants of one key and,
// rarely, other keys.
//
// Owned by its shard. Thread rule: everything under the shard's lock. Hits are counted by readers without it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>

namespace perigee::cache {

using SegmentId = uint32_t;

inline constexpr uint8_t hits_max = 3;  // a 2-bit counter

// A segment as a strategy sees it, good during one call.
struct Segment {
  void* owner = nullptr;  // the table's
  SegmentId id = 0;
  uint64_t bytes = 0;
  uint8_t hits = 0;  // since it was admitted or last moved; at most hits_max
};

// The shard's side.
class SegmentTable {
 public:
  // The oldest segment of that id in that queue into `out`; false when there is none.
  virtual bool oldest(SegmentId id, uint8_t queue, Segment& out) = 0;
  // How many segments of that id are in that queue.
  virtual size_t count(SegmentId id, uint8_t queue) = 0;
  virtual void move(const Segment& segment, uint8_t queue, uint8_t hits) = 0;
  // The segment leaves the index now. The strategy is not told of it by removed().
  virtual void evict(const Segment& segment) = 0;

 protected:
  ~SegmentTable() = default;
};

class EvictionStrategy {
 public:
  virtual ~EvictionStrategy() = default;
  // A new segment. Returns the queue it is in, 0 to 15, which the table keeps with it.
  virtual uint8_t admit(SegmentId id, uint64_t bytes) = 0;
  // A segment took another's place, in the same queue and under the same id.
  virtual void replaced(uint8_t queue, uint64_t old_bytes, uint64_t new_bytes) = 0;
  // A segment left for another reason than eviction.
  virtual void removed(SegmentId id, uint8_t queue, uint64_t bytes, SegmentTable& table) = 0;
  // Evicts one segment. False when there is none.
  virtual bool evict_one(SegmentTable& table) = 0;
  // Memory of its own, as it is to be charged.
  virtual size_t memory_bytes() const = 0;

  // A strategy that needs the order of hits, not just their count, is told of each; every hit then locks its
  // shard. For measuring such strategies, not for serving with them.
  virtual bool wants_touches() const { return false; }
  virtual void touched(SegmentId) {}
};

enum class EvictionKind : uint8_t { s3_fifo, s3_fifo_adaptive, s3_fifo_sized, sieve, gdsf, lru };
inline constexpr std::string_view eviction_names[] = {
    "s3_fifo", "s3_fifo_adaptive", "s3_fifo_sized", "sieve", "gdsf", "lru"};
constexpr std::string_view to_string(EvictionKind kind) { return eviction_names[static_cast<size_t>(kind)]; }
std::optional<EvictionKind> parse_eviction(std::string_view name);
std::unique_ptr<EvictionStrategy> make_eviction(EvictionKind kind);

}  // namespace perigee::cache
