// Counts heap allocations of the whole program, so that a test can say "none".
//
// Thread rule: any thread; the number is of all threads together.
#pragma once

#include <cstdint>

namespace perigee::test {

uint64_t heap_allocations();

}  // namespace perigee::test
