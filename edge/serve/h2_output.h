// Frames on their way to an HTTP/2 client: gathered without copying content, written at once, and only what
// the stream did not take is copied.
//
// One per loop, shared by its connections and empty between their turns.
//
// Thread rule: the loop's thread.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "edge/net/stream.h"

namespace perigee::serve {

class H2Output {
 public:
  H2Output();

  bool empty() const { return slices_.empty(); }
  size_t bytes() const { return bytes_; }
  // No more should be added before the next write.
  bool full() const { return slices_.size() >= slices_max || bytes_ >= bytes_max; }
  // Frame heads and frames that nghttp2 has made.
  void copy(std::string_view bytes);
  // Content; must stay until write_to().
  void add(Slice bytes);
  // Writes everything. What was not taken is appended to `rest`. Returns the bytes taken.
  size_t write_to(net::Stream& stream, std::string& rest);
  void clear();

 private:
  static constexpr size_t slices_max = 512;
  static constexpr size_t bytes_max = 128 * 1024;
  static constexpr size_t scratch_bytes = 64 * 1024;

  std::vector<Slice> slices_;
  std::unique_ptr<char[]> scratch_;
  size_t scratch_used_ = 0;
  std::vector<std::unique_ptr<char[]>> overflow_;  // what the scratch had no room for
  size_t bytes_ = 0;
};

}  // namespace perigee::serve
