// After an upgrade (101): bytes both ways between a client and an upstream, with back-pressure, and nothing
// else.
//
// Ownership: belongs to itself until both streams have closed. When one side ends its half, the other is told
// after what is waiting; when one breaks, both close. A tunnel without traffic for idle_timeout is closed.
//
// Thread rule: one worker's loop.
#pragma once

#include <string_view>

#include "edge/http/message.h"
#include "edge/net/io.h"

namespace perigee::proxy {

class Worker;

class Tunnel {
 public:
  static constexpr Duration idle_timeout = std::chrono::minutes(10);
  static constexpr size_t waiting_bytes_max = 256 * 1024;  // per direction, before the sender is paused

  // head is the 101, written to the client first; the unread bytes of each side are passed on.
  static void start(Worker& worker, net::Stream& client, net::Stream& upstream,
                    const http::ResponseHead& head, std::string_view client_unread,
                    std::string_view upstream_unread);
};

}  // namespace perigee::proxy
