// Adds outcomes up, and prints them as one line of JSON.
//
// Thread rule: one owner.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "bench/load/histogram.h"
#include "bench/load/options.h"
#include "bench/load/outcome.h"

namespace perigee::load {

// Where a curve of latencies is drawn.
inline constexpr double curve_shares[] = {0,    0.1,  0.25,  0.5,   0.75,   0.9,    0.95,
                                          0.98, 0.99, 0.995, 0.999, 0.9995, 0.9999, 1};

class Tally {
 public:
  explicit Tally(const Options& options) : options_(options) {}

  void add(const Outcome& outcome);
  void count_bytes(uint64_t bytes) { bytes_ += bytes; }

  const Histogram& latency() const { return latency_; }
  const Histogram& service() const { return service_; }
  uint64_t requests() const { return requests_; }
  uint64_t bytes() const { return bytes_; }
  // Of the answers, those whose Cache-Status said hit.
  uint64_t hits() const;
  uint64_t answered() const { return endings_[static_cast<size_t>(Ending::complete)]; }
  // No answer was wrong, failed or missing; cuts and leaving clients aside.
  bool good() const;
  // from and until bound the run, as nanoseconds of CLOCK_MONOTONIC.
  std::string json(int64_t from, int64_t until) const;

 private:
  bool expected(int status) const;

  const Options& options_;
  uint64_t requests_ = 0;
  uint64_t bytes_ = 0;
  uint64_t unexpected_ = 0;
  std::array<uint64_t, std::size(ending_names)> endings_{};
  std::array<uint64_t, std::size(fault_names)> faults_{};
  std::map<int, uint64_t> statuses_;
  std::map<std::string, uint64_t, std::less<>> cache_statuses_;
  Histogram latency_;  // from when a request was due
  Histogram service_;  // from when it was sent
  int64_t behind_max_ = 0;
  Histogram first_byte_;
  int64_t last_first_body_at_ = 0;
  std::vector<Outcome> clients_;
};

}  // namespace perigee::load
