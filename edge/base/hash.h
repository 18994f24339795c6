// XXH3, the one hash of the project: index buckets, placement, digests. It places and compares; it never
// authenticates (see mac.h) and never stands in for a comparison of the full key.
//
// Thread rule: pure functions.
#pragma once

#include <cstdint>
#include <string_view>

namespace perigee {

uint64_t hash64(std::string_view bytes, uint64_t seed = 0);

// Mixes two 64-bit values into one; for hashing a pair without building bytes.
uint64_t hash64(uint64_t a, uint64_t b);

}  // namespace perigee
