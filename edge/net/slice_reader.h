// Steps over slices as if they were one run of bytes.
//
// Holds views of what it was given. Thread rule: one owner.
#pragma once

#include <algorithm>
#include <cstddef>
#include <span>

#include "edge/base/bytes.h"

namespace perigee::net {

class SliceReader {
 public:
  explicit SliceReader(std::span<const Slice> slices) : slices_(slices) {
    for (const Slice& slice : slices) left_ += slice.size();
  }
  size_t left() const { return left_; }
  Slice front() {
    while (at_ < slices_.size() && offset_ == slices_[at_].size()) {
      ++at_;
      offset_ = 0;
    }
    return at_ < slices_.size() ? slices_[at_].substr(offset_) : Slice();
  }
  void skip(size_t bytes) {
    while (bytes > 0) {
      const size_t part = std::min(bytes, front().size());
      offset_ += part;
      left_ -= part;
      bytes -= part;
    }
  }

 private:
  std::span<const Slice> slices_;
  size_t at_ = 0;
  size_t offset_ = 0;
  size_t left_ = 0;
};

}  // namespace perigee::net
