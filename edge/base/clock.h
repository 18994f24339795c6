// Time as values. Nothing below edge/net reads a clock: time is a parameter, sampled by a loop once per
// wake-up.
//
// Thread rule: plain values, free to use anywhere.
#pragma once

#include <chrono>
#include <cstdint>

namespace perigee {

using Duration = std::chrono::nanoseconds;

// Monotonic time: deadlines, latencies. It has no now(); only a net::Loop knows it.
struct MonoClock {
  using duration = Duration;
  using rep = duration::rep;
  using period = duration::period;
  using time_point = std::chrono::time_point<MonoClock>;
  static constexpr bool is_steady = true;
};
using MonoTime = MonoClock::time_point;

// Wall time since the Unix epoch, in milliseconds: dates, ages, log lines. It may jump either way.
struct WallClock {
  using duration = std::chrono::milliseconds;
  using rep = duration::rep;
  using period = duration::period;
  using time_point = std::chrono::time_point<WallClock>;
  static constexpr bool is_steady = false;
};
using WallTime = WallClock::time_point;

// Whole seconds since the Unix epoch, rounded down.
constexpr int64_t unix_seconds(WallTime at) {
  return std::chrono::floor<std::chrono::seconds>(at.time_since_epoch()).count();
}
constexpr WallTime wall_from_unix_seconds(int64_t seconds) { return WallTime(std::chrono::seconds(seconds)); }

}  // namespace perigee
