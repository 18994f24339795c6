#include "tests/node/allocation_counter.h"

#include <atomic>
#include <cstdlib>
#include <new>

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define PERIGEE_SANITIZER_HOOKS 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define PERIGEE_SANITIZER_HOOKS 1
#endif

namespace perigee::test {
namespace {
std::atomic<uint64_t> allocations{0};
}  // namespace
uint64_t heap_allocations() { return allocations.load(std::memory_order_relaxed); }
}  // namespace perigee::test

#ifdef PERIGEE_SANITIZER_HOOKS

// Of the sanitizers' runtime (sanitizer/allocator_interface.h, which gcc does not install).
extern "C" int __sanitizer_install_malloc_and_free_hooks(void (*on_malloc)(const volatile void*, size_t),
                                                         void (*on_free)(const volatile void*));

namespace {
void count(const volatile void*, size_t) {
  perigee::test::allocations.fetch_add(1, std::memory_order_relaxed);
}
void ignore(const volatile void*) {}
[[maybe_unused]] const int installed = __sanitizer_install_malloc_and_free_hooks(count, ignore);
}  // namespace

#else

namespace {
void* counted(size_t size) {
  perigee::test::allocations.fetch_add(1, std::memory_order_relaxed);
  void* memory = std::malloc(size > 0 ? size : 1);
  if (memory == nullptr) throw std::bad_alloc();
  return memory;
}
}  // namespace

void* operator new(size_t size) { return counted(size); }
void* operator new[](size_t size) { return counted(size); }
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete[](void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, size_t) noexcept { std::free(memory); }
void operator delete[](void* memory, size_t) noexcept { std::free(memory); }

#endif
