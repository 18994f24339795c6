// HTTP for a command line: one request on a connection of its own, one whole answer, blocking.
//
// Thread rule: one thread; a call blocks until the answer is there or the timeout has passed.
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <string_view>

#include "edge/base/result.h"
#include "edge/net/address.h"
#include "edge/net/tls_context.h"

namespace perigee::ctl {

struct Request {
  net::Address to;
  // Not null: over TLS, with whom can prove to be tls_name (empty: the address).
  std::shared_ptr<const net::TlsClientSettings> tls;
  std::string tls_name;
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

// Errors: upstream, "tls_failed" (with whom nobody we trust vouches for), "unreachable" (no connection, no
// answer in time) or "bad_answer" (not HTTP, or cut short).
Result<Response> perform(const Request& request);

}  // namespace perigee::ctl
