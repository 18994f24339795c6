// Answers this node makes itself: errors, in plain text, never cached.
//
// Thread rule: one worker's loop.
#pragma once

#include <string_view>

#include "edge/base/clock.h"
#include "edge/base/result.h"
#include "edge/serve/handler.h"

namespace perigee::proxy {

// Nobody could be reached, or nobody said anything (RFC 9111 4.2.4 and 4.3.3: "disconnected", "failed to
// respond"), as opposed to an upstream that answered badly, or that this node did not want to ask.
bool is_disconnection(const Error& error);

// 502, 503 or 504 for an upstream's failure, 500 for our own.
int status_of(const Error& error);

struct ErrorAnswer {
  int status = 500;
  bool head_only = false;  // the request was a HEAD
  std::string_view node_name;
  std::string_view error;       // for Proxy-Status, where it is an error type of RFC 9209; empty: none
  int received_status = 0;      // what the next hop had answered, for Proxy-Status; 0: nothing
  std::string_view more_lines;  // further field lines
};

// The whole answer at once.
void answer_error(serve::ServerExchange& exchange, const ErrorAnswer& answer);

}  // namespace perigee::proxy
