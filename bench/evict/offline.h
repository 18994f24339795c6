// What a cache could do at best that knew the whole trace in advance.
//
// Nobody knows the best schedule for responses of different sizes in reasonable time, so there are two
// figures, and the truth is between them: belady() is a schedule that could be carried out, bound() cannot be
// exceeded by any.
//
// Thread rule: pure functions.
#pragma once

#include <cstdint>

#include "bench/evict/replay.h"
#include "bench/trace/trace.h"

namespace perigee::evict {

// Evicts what will be asked for last, and does not let in what would be that itself. The best there is when
// all sizes are equal (Belady, IBM Systems Journal 1966).
Ratio belady(const trace::Trace& trace, uint64_t budget_bytes);

enum class Worth : uint8_t { object, byte };

// The upper bound PFOO-L (Berger, Beckmann, Harchol-Balter, "Practical bounds on optimal caching with
// variable object sizes", SIGMETRICS 2018): a hit costs the bytes of the response for as many requests as
// passed since its last use. The budget over the whole trace is spent on the hits that are the cheapest for
// their worth. Real caches may spend no more than the budget at any one moment, this one only on average.
Ratio bound(const trace::Trace& trace, uint64_t budget_bytes, Worth worth);

}  // namespace perigee::evict
