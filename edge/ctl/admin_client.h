// HTTP for a command line: one request on a connection of its own, one whole answer, blocking.
//
// Thread rule: one thread; a call blocks until the answer is there or the timeout has passed.
#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include "edge/base/result.h"
#include "edge/net/address.h"

namespace perigee::ctl {

struct Request {
  net::Address to;
  std::string method = "GET";
  std::string host;    // sent as Host; empty: the address
  std::string target;  // path and query
  std::string body;
  std::string token;  // sent as bearer token unless empty
  std::chrono::milliseconds timeout{10'000};
  bool keep_body = true;  // false: only its length is wanted
};

struct Response {
  int status = 0;
  std::string cache_status;
  std::string body;
  uint64_t body_bytes = 0;
};

// Errors: upstream, "unreachable" (no connection, no answer in time) or "bad_answer" (not HTTP, or cut
// short).
Result<Response> perform(const Request& request);

}  // namespace perigee::ctl
