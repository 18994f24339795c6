#include "edge/cache/eviction.h"

#include "edge/cache/lru.h"
#include "edge/cache/s3_fifo.h"

namespace perigee::cache {

std::unique_ptr<EvictionStrategy> make_eviction(EvictionKind kind) {
  switch (kind) {
    case EvictionKind::s3_fifo:
      return std::make_unique<S3Fifo>();
    case EvictionKind::lru:
      return std::make_unique<Lru>();
  }
  return std::make_unique<S3Fifo>();
}

}  // namespace perigee::cache
