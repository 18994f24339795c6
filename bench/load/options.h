// What a run of perigee-load is asked to do, and how a command line says it.
//
// Thread rule: plain values, fixed before the run begins.
#pragma once

#include <netinet/in.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "bench/load/pattern.h"
#include "bench/trace/generate.h"
#include "edge/base/result.h"

namespace perigee::load {

struct Options {
  std::vector<sockaddr_in> targets;  // connections take them in turn
  std::string host;                  // empty: the first target's address
  std::string method = "GET";
  std::vector<Pattern> paths;  // requests take them in turn
  std::vector<Pattern> headers;

  size_t connections = 1;
  uint64_t requests = 0;  // zero: no limit
  double duration_s = 0;  // zero: no limit
  size_t pipeline = 1;
  bool herd = false;        // one request per connection, all sent together once every connection stands
  bool reconnect = false;   // a new connection for each request
  bool per_client = false;  // a row per client in the report
  bool announce = false;    // print "running" once the first response is complete
  double timeout_s = 30;    // for connecting, and for any wait without a byte

  size_t slow_clients = 0;     // how many of the connections read slowly
  uint64_t slow_rate = 0;      // bytes per second of each of them
  size_t leaving_clients = 0;  // how many of the connections hang up in the middle of a body
  uint64_t leave_after = 0;    // body bytes after which they do

  // What is asked and when by a trace, instead of by paths; see schedule.h.
  std::string trace;                                                          // a file
  std::optional<trace::Parameters> mix;                                       // generated
  std::string trace_target = "/_/body?id={id}&size={size}&cc=max-age=86400";  // for traces without URLs

  // Open loop: requests are due at times of their own, however the answers come, and their latency counts
  // from then. Otherwise each connection asks again when it has its answer.
  double rate = 0;      // requests per second; zero: as the trace says
  double speed = 1;     // times as fast as the trace says
  bool closed = false;  // a trace in closed loop all the same
  bool open_loop() const { return !closed && (rate > 0 || !trace.empty() || mix.has_value()); }
  bool has_schedule() const { return !trace.empty() || mix.has_value(); }

  bool summary = false;  // a table and a chart for people, on stderr

  bool verify = false;                 // bodies are self-verifying
  std::vector<Pattern> expected_ids;   // with verify: the x-body-id that a request must get; at most one
  std::vector<int> expected_statuses;  // empty: any
};

extern const std::string_view usage;

// Errors: side client, code "bad_argument"; the context names the argument and what was expected.
Result<Options> parse_options(const std::vector<std::string_view>& arguments);

}  // namespace perigee::load
