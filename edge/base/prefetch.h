// Asking for memory before it is needed. Where a line is near already, or nothing can be read there, nothing
// happens.
//
// Thread rule: any thread.
#pragma once

#include <cstddef>

namespace perigee {

inline constexpr size_t cache_line_bytes = 64;

// Of a large object, where most of what is used often lies.
inline void prefetch_front(const void* object) {
  constexpr size_t lines = 8;
  for (size_t i = 0; i < lines; ++i) {
    __builtin_prefetch(static_cast<const char*>(object) + i * cache_line_bytes);
  }
}

}  // namespace perigee
