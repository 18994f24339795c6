// A server on the in-memory network for clients that send what no library would.
//
// Thread rule: the test's one thread.
#pragma once

#include <nghttp2/nghttp2.h>

#include "tests/node/serve_rig.h"
#include "tests/node/support/h2_frames.h"

namespace perigee::test {

struct AbuseRig {
  explicit AbuseRig(const serve::ServerOptions& with = options()) : rig(1, with) {}
  static serve::ServerOptions options() {
    serve::ServerOptions options;
    options.http2_clear = true;
    return options;
  }
  RawClient& attack(const std::string& bytes) { return rig.ask(h2_hello() + bytes); }
  // The error of the last GOAWAY; -1 without one.
  static int64_t goaway(const RawClient& client) {
    int64_t error = -1;
    for (const SeenFrame& seen : frames_of(client.received)) {
      if (seen.type == FrameType::goaway) error = seen.error();
    }
    return error;
  }
  static size_t count(const RawClient& client, FrameType type) {
    size_t count = 0;
    for (const SeenFrame& seen : frames_of(client.received)) count += seen.type == type ? 1 : 0;
    return count;
  }
  // What was reset, with which error; -1: it was not.
  static int64_t reset(const RawClient& client, uint32_t stream) {
    for (const SeenFrame& seen : frames_of(client.received)) {
      if (seen.type == FrameType::rst_stream && seen.stream == stream) return seen.error();
    }
    return -1;
  }
  ServeRig rig;
};

inline std::string repeated(size_t times, const std::string& bytes) {
  std::string all;
  for (size_t i = 0; i < times; ++i) all += bytes;
  return all;
}

}  // namespace perigee::test
