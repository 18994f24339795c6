// The access log: a JSON line for each exchange, or for a share of them, with the fields that were chosen.
//
// Ownership: the writer outlives the log. Thread rule: any thread; the sampling draws from the caller's own
// Random. A line costs its formatting and one locked push; the writing is another thread's. When the log is
// off, wants() is one comparison.
#pragma once

#include <atomic>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "edge/base/clock.h"
#include "edge/base/random.h"
#include "edge/control/access_fields.h"
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
  std::string_view scheme;
  std::string_view detail;    // why it was refused or failed
  std::string_view trace_id;  // of its traceparent, and the parent-id there
  std::string_view parent_id;
  std::string_view user_agent;
  std::string_view referer;
  bool complete = true;  // false: the answer was cut
};

class AccessLog {
 public:
  // sample: the share of exchanges that is logged, 0 to 1.
  AccessLog(LogWriter& writer, double sample) : writer_(writer), sample_(sample) {}

  // own: the share of the exchange's site, if it has one.
  bool wants(Random& random, std::optional<double> own = std::nullopt) const {
    if (!writer_.enabled()) return false;
    const double sample = own ? *own : sample_.load(std::memory_order_relaxed);
    return sample >= 1.0 || random.chance(sample);
  }
  void write(const AccessRecord& record);
  // With a reload.
  void set_sample(double sample) { sample_.store(sample, std::memory_order_relaxed); }
  void set_fields(AccessFields fields) { fields_.store(fields, std::memory_order_relaxed); }

 private:
  LogWriter& writer_;
  std::atomic<double> sample_;
  std::atomic<AccessFields> fields_{access_fields_default};
};

// One line, without its end. The duration is in seconds.
std::string format_access_line(const AccessRecord& record, AccessFields fields = access_fields_default);

}  // namespace perigee::control
