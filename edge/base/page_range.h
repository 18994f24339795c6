// A range of addresses whose pages the system gives when they are first written, and takes back when it is
// told that their content is of no use any more.
//
// Thread rule: any thread.
#pragma once

#include <cstddef>

namespace perigee {

class PageRange {
 public:
  virtual ~PageRange() = default;

  // Where it begins, on a page's boundary.
  virtual char* begin() const = 0;
  virtual size_t size() const = 0;
  virtual size_t page_bytes() const = 0;
  // Whole pages. They hold nothing any more, and may be written again at any time.
  virtual void discard(char* begin, size_t bytes) = 0;

 protected:
  PageRange() = default;
};

}  // namespace perigee
