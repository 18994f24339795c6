// TLS over a connected, blocking socket, for a command line: no loop, one thread.
//
// Owns its session; the descriptor is the caller's and outlives it. SIGPIPE must be ignored.
//
// Thread rule: one thread; calls block as long as the socket lets them.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "edge/base/result.h"
#include "edge/net/tls_context.h"

namespace perigee::net {

class TlsBlockingStream {
 public:
  // Shakes hands with whom can prove to be `name` (a DNS name or an IP address). Errors: upstream,
  // "tls_failed", with what was wrong; internal, "tls_context".
  static Result<std::unique_ptr<TlsBlockingStream>> connect(int descriptor, const TlsClientSettings& settings,
                                                            const std::string& name);
  virtual ~TlsBlockingStream() = default;

  virtual bool send_all(std::string_view bytes) = 0;
  // Bytes read; 0 at an orderly end, negative after an error or an end without close_notify.
  virtual long receive(char* into, size_t size) = 0;
};

}  // namespace perigee::net
