// PageRange of the system: anonymous memory (mmap(2)) of which nothing is promised before it is written.
//
// Thread rule: any thread.
#pragma once

#include <cstdint>
#include <memory>

#include "edge/base/page_range.h"

namespace perigee::net {

class MappedRange final : public PageRange {
 public:
  // Of so many bytes, rounded up to whole pages. Null where the system has no addresses left, or promises
  // memory before it is used. Null under the address sanitizer too, which sees more on the heap.
  static std::unique_ptr<MappedRange> create(uint64_t bytes);
  ~MappedRange() override;

  char* begin() const override { return begin_; }
  size_t size() const override { return size_; }
  size_t page_bytes() const override { return page_bytes_; }
  void discard(char* begin, size_t bytes) override;

 private:
  MappedRange(char* begin, size_t size, size_t page_bytes)
      : begin_(begin), size_(size), page_bytes_(page_bytes) {}

  char* const begin_;
  const size_t size_;
  const size_t page_bytes_;
};

}  // namespace perigee::net
