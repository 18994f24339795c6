// The access log: a JSON line for each exchange, or for a share of them.
//
// Ownership: the writer outlives the log. Thread rule: any thread; the sampling draws from the caller's own
// Random. A line costs its formatting and one locked push; the writing is another thread's. When the log is
// off, wants() is one comparison.
#pragma once

#include <atomic>
#include <cstdint>
#include <string>
#include <string_view>

#include "edge/base/clock.h"
#include "edge/base/random.h"
#include "edge/control/log_writer.h"
#include "edge/net/address.h"

namespace perigee::control {

// What is known when an exchange has ended. Views are good during the call only.
struct AccessRecord {
  WallTime time{};  // of the request
  Duration duration{};
  net::Address client;
  std::string_view method;
  std::string_view host;
  std::string_view path;
  std::string_view site;  // empty: no site has the host
  int status = 0;
  uint64_t bytes = 0;         // of content sent to the client
  std::string_view cache;     // "hit", "miss", "stale", ...
  std::string_view forward;   // the fwd value of RFC 9211; empty when nothing went onward
  std::string_view upstream;  // "peer", "shield", "origin"; empty as above
  bool complete = true;       // false: the answer was cut
};

class AccessLog {
 public:
  // sample: the share of exchanges that is logged, 0 to 1.
  AccessLog(LogWriter& writer, double sample) : writer_(writer), sample_(sample) {}

  bool wants(Random& random) const {
    if (!writer_.enabled()) return false;
    const double sample = sample_.load(std::memory_order_relaxed);
    return sample >= 1.0 || random.chance(sample);
  }
  void write(const AccessRecord& record);
  // With a reload.
  void set_sample(double sample) { sample_.store(sample, std::memory_order_relaxed); }

 private:
  LogWriter& writer_;
  std::atomic<double> sample_;
};

// One line, without its end. The duration is in seconds.
std::string format_access_line(const AccessRecord& record);

}  // namespace perigee::control
