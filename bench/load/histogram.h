// Counts of durations in buckets of equal relative width (under 1 %): percentiles without keeping every
// value.
//
// Thread rule: one owner.
#pragma once

#include <algorithm>
#include <bit>
#include <cstdint>
#include <vector>

namespace perigee::load {

class Histogram {
 public:
  void add(int64_t nanoseconds) {
    const uint64_t value = static_cast<uint64_t>(std::max<int64_t>(nanoseconds, 0));
    const size_t bucket = bucket_of(value);
    if (bucket >= counts_.size()) counts_.resize(bucket + 1);
    ++counts_[bucket];
    ++total_;
    largest_ = std::max(largest_, value);
  }

  uint64_t count() const { return total_; }
  uint64_t largest() const { return largest_; }

  // The upper end of the bucket that holds the given share of the values; zero when there are none.
  uint64_t percentile(double share) const {
    const uint64_t wanted = static_cast<uint64_t>(share * static_cast<double>(total_));
    uint64_t seen = 0;
    for (size_t bucket = 0; bucket < counts_.size(); ++bucket) {
      seen += counts_[bucket];
      if (seen > wanted) return std::min(upper_end(bucket), largest_);
    }
    return largest_;
  }

 private:
  static constexpr unsigned sub_bits = 7;

  static size_t bucket_of(uint64_t value) {
    if (value < (1u << sub_bits)) return value;
    const unsigned shift = static_cast<unsigned>(std::bit_width(value)) - sub_bits - 1;
    return (static_cast<size_t>(shift + 1) << sub_bits) + ((value >> shift) & ((1u << sub_bits) - 1));
  }
  static uint64_t upper_end(size_t bucket) {
    if (bucket < (1u << sub_bits)) return bucket;
    const size_t shift = (bucket >> sub_bits) - 1;
    return (((bucket & ((1u << sub_bits) - 1)) + (1u << sub_bits) + 1) << shift) - 1;
  }

  std::vector<uint64_t> counts_;
  uint64_t total_ = 0;
  uint64_t largest_ = 0;
};

}  // namespace perigee::load
