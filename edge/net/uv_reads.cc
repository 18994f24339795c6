#include "edge/net/uv_reads.h"

#include "edge/base/prefetch.h"
#include "edge/net/uv_stream.h"

namespace perigee::net {

UvReads::UvReads() : buffer_(std::make_unique_for_overwrite<char[]>(waiting_bytes_max + read_bytes_max)) {}

bool UvReads::add(UvStream& stream, size_t bytes) {
  reads_[count_++] = {&stream, {room(), bytes}};
  used_ += (bytes + cache_line_bytes - 1) / cache_line_bytes * cache_line_bytes;
  return count_ == streams_max || used_ > waiting_bytes_max;
}

void UvReads::hand_out() {
  for (size_t i = 0; i < count_; ++i) {
    const Read read = reads_[i];
    if (i + 1 < count_ && reads_[i + 1].stream != nullptr) reads_[i + 1].stream->prefetch();
    if (read.stream != nullptr) read.stream->hand_out(read.bytes);
  }
  count_ = 0;
  used_ = 0;
}

void UvReads::forget(const UvStream& stream) {
  for (size_t i = 0; i < count_; ++i) {
    if (reads_[i].stream == &stream) reads_[i].stream = nullptr;
  }
}

}  // namespace perigee::net
