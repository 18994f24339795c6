// Requests of one node's control loop to another's. They come over the authenticated peer listener, under an
// authority that is no host, so that a cluster needs no further address; this is where a worker hands them
// on.
//
// Implemented by the node. Thread rule: called on the worker that received the request.
#pragma once

#include <string_view>

#include "edge/serve/handler.h"

namespace perigee::proxy {

inline constexpr std::string_view control_authority = "perigee.control";

// Under that authority: answered by the worker itself, with 204.
inline constexpr std::string_view probe_path = "/probe";

class PeerControl {
 public:
  virtual ~PeerControl() = default;
  // GET or POST of an authenticated peer. Answers the exchange, now or later.
  virtual void on_control_request(serve::ServerExchange& exchange) = 0;
};

}  // namespace perigee::proxy
