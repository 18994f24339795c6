// The limits and times of one server. Each has a default that an operator can leave alone.
//
// Thread rule: plain value; a Server copies it.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

#include "edge/base/clock.h"
#include "edge/base/metrics.h"
#include "edge/http/h1.h"
#include "edge/net/address.h"
#include "edge/net/tls_stream.h"

namespace perigee::serve {

// What an HTTP/2 connection may do.
struct Http2Options {
  uint32_t streams_max = 128;                      // under way at once, of one connection
  uint32_t glitches_max = 200;                     // see GlitchBudget
  uint32_t stream_window_bytes = 65'535;           // content of one request that waits for its reader
  uint32_t connection_window_bytes = 1024 * 1024;  // of all requests of a connection
};

// Under which names a server counts what depends on who is at the other end.
struct ServerCounts {
  Metric bytes_sent = Metric::client_bytes_sent;
  Metric connections_accepted = Metric::connections_accepted;
  Metric connections_refused = Metric::connections_refused;
  Metric connections_open = Metric::connections_open;
};

struct ServerOptions {
  net::Address address;    // port 0: the system chooses one
  bool reuse_port = true;  // several workers listen on one address
  std::string scheme = "http";
  net::TlsAcceptor* tls = nullptr;  // not null: clients speak TLS; of the server's loop, and outlives it
  ServerCounts counts;
  bool http2_clear = false;  // without TLS: HTTP/2 by prior knowledge is understood (RFC 9113 3.3)

  Http2Options http2;
  http::HeadLimits head_limits;
  Duration header_timeout =
      std::chrono::seconds(10);  // for a whole head, and for the first byte after accept
  Duration keep_alive_idle = std::chrono::seconds(60);  // between requests
  Duration body_idle_timeout =
      std::chrono::seconds(30);  // without a byte of request content that was asked for
  Duration write_stall_timeout = std::chrono::seconds(60);  // without the client taking a byte
  Duration linger_timeout = std::chrono::seconds(2);        // after our last byte, for the client to read it

  uint32_t connections_max = 10'000;               // beyond: closed at once and counted
  uint32_t requests_per_connection_max = 100'000;  // the last one is answered with connection: close
  uint32_t pipelining_depth = 64;                  // answers gathered into one write
  uint32_t unread_content_max = 64 * 1024;  // request content nobody wanted that is read to keep a connection
  uint32_t pipelined_bytes_max = 64 * 1024;  // kept while an answer runs; then reading pauses
  // Body bytes written per turn of the loop: by one connection at most, and by all together to events and
  // again to those that queue. Where bodies are copied, what one writes is best what the kernel takes; where
  // they go out of pages, a MiB, which the reader has before it has left the caches. A connection that has
  // just been heard may write the minimum all the same. Those that begin their answers in one turn share an
  // amount of their own, so that the last of a thousand need not wait for much more than the first bytes of
  // the others.
  uint32_t turn_bytes_max = 1024 * 1024;
  uint32_t turn_bytes_min = 16 * 1024;
  uint32_t turn_bytes_all = 16 * 1024 * 1024;
  uint32_t turn_bytes_begun = 4 * 1024 * 1024;
};

}  // namespace perigee::serve
