// Times that are drawn, so that nodes which began together do not go on together.
//
// Thread rule: pure but for the generator's state.
#pragma once

#include "edge/base/clock.h"
#include "edge/base/random.h"

namespace perigee {

// Of the time from one probe to the next, of peers and of origin servers alike.
inline constexpr double probe_jitter = 0.2;

// Up to that share (0..1) of the time longer or shorter, uniformly.
inline Duration jittered(Duration time, double share, Random& random) {
  const double factor = 1.0 + share * (2.0 * random.unit() - 1.0);
  return Duration(static_cast<Duration::rep>(static_cast<double>(time.count()) * factor));
}

}  // namespace perigee
