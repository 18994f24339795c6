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

class Tally {
 public:
  explicit Tally(const Options& options) : options_(options) {}

  void add(const Outcome& outcome);
  void count_bytes(uint64_t bytes) { bytes_ += bytes; }

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
  Histogram latency_;
  Histogram first_byte_;
  int64_t last_first_body_at_ = 0;
  std::vector<Outcome> clients_;
};

}  // namespace perigee::load
