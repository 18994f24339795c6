// Where a hash finds its chain: one array of atomic links for all shards, fixed in size for the life of the
// store. The high bits of a hash choose the shard, its low half the bucket in the shard, so that a stored
// response, which keeps only that half, leads back to its bucket.
//
// There is a bucket for every 2 KiB of the budget: with smaller responses chains grow longer, nothing else.
//
// Thread rule: a plain view, free to copy; links are read by anybody and written under the shard's lock.
#pragma once

#include <atomic>
#include <cstdint>

namespace perigee::cache {

class StoredResponse;

struct Index {
  using Link = std::atomic<StoredResponse*>;

  Link* links = nullptr;
  uint32_t per_shard = 1;
  unsigned shard_bits = 0;

  unsigned shard(uint64_t hash) const {
    return shard_bits == 0 ? 0 : static_cast<unsigned>(hash >> (64 - shard_bits));
  }
  static uint32_t low_half(uint64_t hash) { return static_cast<uint32_t>(hash); }
  Link& bucket(unsigned shard_number, uint32_t low) const {
    return links[uint64_t{shard_number} * per_shard + (uint64_t{low} * per_shard >> 32)];
  }
  Link& bucket(uint64_t hash) const { return bucket(shard(hash), low_half(hash)); }
};

}  // namespace perigee::cache
