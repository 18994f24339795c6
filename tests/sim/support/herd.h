// Many clients of several nodes ask at once for one large thing that nobody has: how often the origin is
// asked, and how much later than the network makes necessary anybody gets the first byte.
//
// Thread rule: one thread.
#pragma once

#include <cstdint>

#include "edge/base/clock.h"

namespace perigee::sim {

struct HerdOptions {
  uint64_t seed = 1;
  unsigned nodes = 5;
  unsigned clients_per_node = 4;
  uint64_t bytes = 100'000'000;
  uint64_t origin_bytes_per_second = 200'000'000;
  Duration origin_latency = std::chrono::milliseconds(80);  // until its first byte
  enum class Kill : uint8_t {
    nobody,
    owner,  // of the key, when half of it is through
    asker,  // the node that was asked first and is not the owner
  };
  Kill kill = Kill::nobody;
};

struct HerdFigures {
  uint64_t gets = 0;           // at the origin, ranges too
  uint64_t complete = 0;       // answers, right to the last byte
  uint64_t client_errors = 0;  // of clients whose node was not killed
  uint64_t wrong = 0;          // answers with a wrong byte
  // The slowest first byte of a client, beyond what the way from the origin to it takes.
  Duration excess{};
  uint64_t ejections = 0;
  uint64_t fallbacks = 0;
};

HerdFigures run_herd(const HerdOptions& options);

}  // namespace perigee::sim
