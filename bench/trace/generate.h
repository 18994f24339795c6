// Traces from a seed: the same parameters give the same trace, everywhere.
//
// Popularity follows Zipf's law: the k-th most popular of n ids is asked for in proportion to k^-skew. Sizes
// are log-normal by id, so that an id has one size; the defaults have the median (13.3 KB) and the mean (33
// KB) that are published of Meta's CDN. There 1 % of the keys take 14 % of the requests: with a million keys
// that is a skew of 0.57.
//
// Thread rule: pure functions.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "bench/trace/trace.h"

namespace perigee::trace {

enum class Mix : uint8_t {
  zipf,     // a fixed catalogue
  scan,     // the same, and now and then everything of a second catalogue once, in order
  recency,  // new ids appear all the time, and what is young is popular
  one_hit,  // Zipf, and a share of the requests asks for what nobody asks for again
  twice,    // Zipf, and half of the requests for what is asked for twice, some time apart: hard for small
            // queues
};
inline constexpr std::string_view mix_names[] = {"zipf", "scan", "recency", "one_hit", "twice"};
constexpr std::string_view to_string(Mix mix) { return mix_names[static_cast<size_t>(mix)]; }
std::optional<Mix> parse_mix(std::string_view name);

struct Parameters {
  Mix mix = Mix::zipf;
  uint64_t requests = 1'000'000;
  uint64_t ids = 100'000;  // in the catalogue
  double skew = 0.9;       // of popularity; of youth for `recency`
  uint64_t seed = 1;
  double rate = 1000;             // requests per second, evenly spread
  double size_median = 13'300;    // bytes
  double size_mean = 33'000;      // bytes; equal to the median: all have one size
  uint64_t one_hit_first = 0;     // one_hit: runs that begin at different places share no such id
  double one_hit_share = 0.5;     // one_hit: of the requests
  uint64_t scan_every = 100'000;  // scan: requests between two scans
  uint64_t scan_ids = 20'000;     // scan: ids in one
  uint64_t twice_lag = 4'000;     // twice: how many other such requests are between the two
  double birth_share = 0.1;       // recency: of the requests, those that are the first of an id
};

Trace generate(const Parameters& parameters);

}  // namespace perigee::trace
