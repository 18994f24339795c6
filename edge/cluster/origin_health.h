// Whether one origin server may be asked, as one node sees it: active probes, a circuit breaker over real
// requests, and a slow start when either lets the server back.
//
// Probes take a server out after so many failed ones in a row, and let it back after so many good ones. The
// breaker opens when nearly everything that ended within the last 10 s had failed, and nothing is sent for a
// few seconds, up to 10 % longer or shorter so that nodes do not come back together. Then single requests are
// admitted as trials, one at a time: the third good one in a row closes it, a failed one opens it again.
// Requests that were admitted before it opened or closed change nothing any more. While a server recovers it
// keeps a growing share of the requests that are its turn, from a tenth on.
//
// What a failure is decides the caller. The breaker is for servers that cannot serve, not for pages that fail
// (Nygard 2007, "Release It!"); a share of the ended requests, and not a run of failures, since where half of
// all answers fail there are runs of any length.
//
// Thread rule: none; pure but for its own state. Time is a parameter and must not go back by more than a
// second.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

#include "edge/base/clock.h"
#include "edge/base/random.h"

namespace perigee::cluster {

enum class OriginState : uint8_t {
  up,
  recovering,  // is back, and gets a part of its requests
  open,        // the breaker lets nothing through
  trial,       // the breaker lets single requests through
  down,        // probes say so
};
std::string_view to_string(OriginState state);

struct OriginHealthOptions {
  uint32_t failed_probes = 3;
  uint32_t good_probes = 2;
  Duration slow_start = std::chrono::seconds(10);  // 0: the full share at once
  uint32_t breaker_percent = 90;                   // of what ended must have failed; 0: never opens
  uint32_t breaker_requests = 20;                  // so many must have ended
  Duration breaker_open = std::chrono::seconds(5);
};

class OriginHealth {
 public:
  // Of one admitted request; what it ends with is told with it.
  struct Admission {
    bool granted = false;
    bool trial = false;
    uint32_t era = 0;
  };

  OriginHealth(OriginHealthOptions options, Random random) : options_(options), random_(random) {}

  void set_options(const OriginHealthOptions& options) { options_ = options; }

  enum class Probed : uint8_t { unchanged, down, back };
  Probed probed(bool good, MonoTime now);
  // There are no probes any more: what they had found counts no longer.
  void forget_probes();

  // Would a request be admitted, and does nothing speak against the server?
  bool usable(MonoTime now) const;
  // It is the server's turn: does it keep it? While it recovers, only as often as its share says.
  bool keeps_turn(MonoTime now);
  // Not granted: the breaker is open. A server that is down by probes grants: whoever asks it has nobody
  // else. Whoever was granted tells the end, with ended() or withdrawn().
  Admission admit(MonoTime now);
  // True when this opened the breaker.
  bool ended(const Admission& admission, bool good, MonoTime now);
  // It ended without saying anything of the server.
  void withdrawn(const Admission& admission);

  OriginState state(MonoTime now) const;
  // Of the last 10 s.
  struct Ended {
    uint32_t requests = 0;
    uint32_t failed = 0;
  };
  Ended recent(MonoTime now) const;

 private:
  static constexpr size_t window_s = 10;
  static constexpr uint32_t good_trials = 3;

  struct Second {
    int64_t at = -1;  // which second this is of
    Ended ended;
  };

  double share(MonoTime now) const;
  void open(MonoTime now);
  void close(MonoTime now);
  bool too_many_failed(MonoTime now) const;

  OriginHealthOptions options_;
  Random random_;
  bool down_ = false;
  uint32_t failed_probes_ = 0;  // in a row
  uint32_t good_probes_ = 0;
  std::optional<MonoTime> open_until_;  // set: open, or in trials when that has passed
  bool trial_under_way_ = false;
  uint32_t good_trials_ = 0;
  uint32_t era_ = 0;  // changes when the breaker opens or closes
  std::optional<MonoTime> back_since_;
  double turns_ = 0;  // a turn is kept when this has come to one
  std::array<Second, window_s> seconds_{};
};

}  // namespace perigee::cluster
