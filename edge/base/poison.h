// Memory of ours that nobody may touch for now, told to the address sanitizer, which cannot know by itself
// what is freed within a mapping. Nothing without it.
//
// Thread rule: any thread.
#pragma once

#include <cstddef>

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define PERIGEE_POISONS 1
#endif
#elif defined(__SANITIZE_ADDRESS__)
#define PERIGEE_POISONS 1
#endif

#ifdef PERIGEE_POISONS
#include <sanitizer/asan_interface.h>
#endif

namespace perigee {

#ifdef PERIGEE_POISONS
inline constexpr bool address_sanitizer = true;
#else
inline constexpr bool address_sanitizer = false;
#endif

inline void poison([[maybe_unused]] const char* begin, [[maybe_unused]] size_t size) {
#ifdef PERIGEE_POISONS
  __asan_poison_memory_region(begin, size);
#endif
}

inline void unpoison([[maybe_unused]] const char* begin, [[maybe_unused]] size_t size) {
#ifdef PERIGEE_POISONS
  __asan_unpoison_memory_region(begin, size);
#endif
}

}  // namespace perigee
