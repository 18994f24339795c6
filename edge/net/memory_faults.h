// What a test can do to a memory world's network: plain options of a link and of a node's streams.
//
// Thread rule: plain values.
#pragma once

#include <cstddef>
#include <cstdint>

#include "edge/base/clock.h"

namespace perigee::net {

// One direction between two nodes.
struct LinkOptions {
  Duration delay{};   // one way; a connect takes both ways
  Duration jitter{};  // up to this much more, drawn for each segment; bytes of a stream stay in order
  uint64_t bytes_per_second = 0;  // shared by everything on the link; 0: unlimited
  bool drop = false;              // nothing arrives: connects hang, data waits, resets are lost
  bool refuse = false;            // connects are refused
};

// How the streams of one node behave.
struct StreamShape {
  size_t send_buffer_bytes = 256 * 1024;  // what a stream holds that the other side has not read
  size_t write_bytes_max = 0;             // at most so many bytes a write() call; 0: no limit
  size_t read_bytes_max = 64 * 1024;      // at most so many bytes an on_read()
  bool random_read_sizes = false;         // each on_read() brings 1 to read_bytes_max bytes, by seed
};

}  // namespace perigee::net
