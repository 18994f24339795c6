// What one Stream::write() is to the kernel: a send of one run of bytes, a sendmsg of a list, a PagePipe's
// splice for what lies in pages. Not by the C library's wrappers of the first two, for the reason that
// uv_stream.cc gives where it receives. Internal to edge/net.
//
// Thread rule: the thread that owns the descriptor, which blocks SIGPIPE (PagePipe).
#pragma once

#include <cstddef>
#include <span>

#include "edge/base/bytes.h"

namespace perigee::net {

class PageFile;
class PagePipe;

struct Sent {
  size_t offered = 0;
  size_t taken = 0;
  unsigned calls = 0;  // system calls made
  int error = 0;       // errno of the last one when it failed, EAGAIN too
};

// At most this many slices a call.
inline constexpr size_t slices_max = 1024;
// The least that is sent from pages without a copy: below, the copy takes less time than the calls more.
inline constexpr size_t splice_min = 32 * 1024;

// pages: of these slices, or null.
Sent send_slices(int fd, std::span<const Slice> slices, const PageFile* pages, PagePipe& pipe);
Sent send_run(int fd, Slice bytes);

}  // namespace perigee::net
