#include "edge/cache/eviction.h"

#include <algorithm>
#include <iterator>

#include "edge/cache/gdsf.h"
#include "edge/cache/lru.h"
#include "edge/cache/s3_fifo.h"
#include "edge/cache/sieve.h"

namespace perigee::cache {

std::optional<EvictionKind> parse_eviction(std::string_view name) {
  const auto* found = std::find(std::begin(eviction_names), std::end(eviction_names), name);
  if (found == std::end(eviction_names)) return std::nullopt;
  return static_cast<EvictionKind>(found - std::begin(eviction_names));
}

std::unique_ptr<EvictionStrategy> make_eviction(EvictionKind kind) {
  switch (kind) {
    case EvictionKind::s3_fifo:
      break;
    case EvictionKind::s3_fifo_adaptive:
      return std::make_unique<S3Fifo>(S3Fifo::Options{false, true});
    case EvictionKind::s3_fifo_sized:
      return std::make_unique<S3Fifo>(S3Fifo::Options{true, true});
    case EvictionKind::sieve:
      return std::make_unique<Sieve>();
    case EvictionKind::gdsf:
      return std::make_unique<Gdsf>();
    case EvictionKind::lru:
      return std::make_unique<Lru>();
  }
  return std::make_unique<S3Fifo>();
}

}  // namespace perigee::cache
