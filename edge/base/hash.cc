#include "edge/base/hash.h"

// The hash itself, not calls of the library: keys are short.
#define XXH_INLINE_ALL
#include <xxhash.h>

namespace perigee {

uint64_t hash64(std::string_view bytes, uint64_t seed) {
  return XXH3_64bits_withSeed(bytes.data(), bytes.size(), seed);
}

uint64_t hash64(uint64_t a, uint64_t b) {
  const uint64_t pair[2] = {a, b};
  return XXH3_64bits(pair, sizeof pair);
}

}  // namespace perigee
