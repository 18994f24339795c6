// The faults of a simulation: what breaks, where, from when to when. Made from a seed, printed for people.
//
// Thread rule: plain values and pure functions.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "edge/base/clock.h"
#include "edge/base/random.h"

namespace perigee::sim {

enum class FaultKind : uint8_t {
  crash,           // a's process dies, as by kill -9, and starts again at the end
  power_cut,       // the same, but nobody hears of it
  pause,           // a's process is stopped, as by SIGSTOP, and goes on at the end
  drop,            // nothing passes from a to b
  partition,       // nothing passes between a and b
  slow_link,       // so much delay more between a and b, both ways
  thin_link,       // few bytes a second from a to b
  refuse,          // a's connections to b are refused
  reset,           // all connections between a and b are reset, once
  membership,      // a reads the topology number `amount`; at the end the usual one again
  origin_slow,     // so much latency more
  origin_errors,   // a share of the origin's answers is an error, in percent
  origin_cuts,     // a share of its answers is cut off
  origin_silence,  // a share of its requests is never answered
  origin_down,     // nobody can connect to the origin
};
std::string_view to_string(FaultKind kind);

struct Fault {
  FaultKind kind = FaultKind::crash;
  Duration at{};     // since the start
  Duration lasts{};  // ends after this; zero for a reset
  std::string a;     // nodes; the origin is "origin"
  std::string b;
  uint64_t amount = 0;  // milliseconds, bytes a second, percent, or the number of a topology

  Duration end() const { return at + lasts; }
};
// For people: 12.5.
inline double in_seconds(Duration time) { return std::chrono::duration<double>(time).count(); }

// "12.500 s to 17.250 s: drop eu-1 -> eu-3"
std::string describe(const Fault& fault);

// Which kinds a script may hold.
struct FaultMix {
  bool processes = true;
  bool links = true;
  bool memberships = true;
  bool origin = true;
};

// A script for these nodes: about one fault per `spacing` of the world's time, all over by `until`.
std::vector<Fault> make_faults(Random& random, const std::vector<std::string>& nodes, size_t topologies,
                               const FaultMix& mix, Duration spacing, Duration until);

}  // namespace perigee::sim
