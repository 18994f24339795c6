// Which keys many requests ask for just now: Space-Saving (Metwally, Agrawal, El Abbadi 2005, "Efficient
// Computation of Frequent and Top-k Elements in Data Streams"), in sets of eight counters that fill a cache
// line each.
//
// A key belongs to one set. touch() adds to its counter; a key without one takes the counter of the least
// frequent key of the set, with its count as the possible error. So a key is never underestimated, and what
// it has for certain is its count less the error. Counts are halved every ten seconds, so that they are about
// the last half minute.
//
// A key is hot when it has for certain both a number of requests that is worth a copy and a share of all
// requests. The share decides how uneven the load of owners can get: what is less is too little to matter.
// From a far larger share on it is spread over two owners: that makes the second fetch what the first one
// has, and costs a region room for both, while a copy is dropped whenever something better comes.
//
// Fixed size (8 KiB), no allocation; a touch reads and writes one line. Thread rule: owned by one worker.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "edge/base/clock.h"

namespace perigee::cluster {

struct HotKeyOptions {
  uint32_t requests_min = 32;  // in the counted time
  uint32_t one_in = 256;       // of all requests
  uint32_t spread_one_in = 32;
};

// What a key is worth, each with what stands before it.
enum class Heat : uint8_t {
  cool,
  hot,     // a copy at who receives the requests
  spread,  // a second owner
};
std::string_view to_string(Heat heat);

class HotKeys {
 public:
  explicit HotKeys(HotKeyOptions options = {}) : options_(options) {}

  // A request for the key, and how many requests for any key there have been so far, ever.
  Heat touch(uint64_t key_hash, uint64_t requests_so_far, MonoTime now);
  // The same without counting.
  Heat heat(uint64_t key_hash) const;

 private:
  static constexpr size_t ways = 8;
  static constexpr size_t sets = 128;
  static constexpr Duration half_life = std::chrono::seconds(10);

  struct Counter {
    uint32_t tag = 0;
    uint16_t count = 0;
    uint16_t error = 0;  // of count, that may be other keys'
  };
  struct alignas(64) Set {
    std::array<Counter, ways> counters;
  };

  static size_t set_of(uint64_t key_hash) { return (key_hash >> 32) % sets; }
  Heat heat(const Counter& counter) const;
  void age(uint64_t requests_so_far, MonoTime now);

  HotKeyOptions options_;
  std::array<Set, sets> sets_{};
  MonoTime halved_at_{};
  uint64_t counted_from_ = 0;  // requests there had been when the counts were halved last
  uint64_t before_ = 0;        // requests that are still felt from before that
  uint64_t requests_ = 0;      // that the counts are about
};

}  // namespace perigee::cluster
