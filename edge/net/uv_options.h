// What can be chosen about the libuv Io.
//
// Thread rule: plain values.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "edge/base/clock.h"

namespace perigee::net {

struct UvIoOptions {
  // Of the loops' random generators; 0: taken from the system.
  uint64_t seed = 0;
  // The first loop gets no thread: it runs in UvIo::wait(), on the thread that calls it.
  bool first_loop_in_wait = false;
  // Name servers as "ip:port" or "[ip]:port"; empty: those of the system.
  std::vector<std::string> nameservers;
  // How long one name server is given for an answer, and how many rounds are made through all of them.
  Duration dns_timeout = std::chrono::seconds(2);
  int dns_tries = 2;
};

}  // namespace perigee::net
