// Preloaded into a program, counts its heap allocations, from any thread, into a file that others can read
// while it runs: eight bytes, a 64-bit number in the machine's order. The file is named by
// PERIGEE_ALLOCATIONS_FILE and must exist. operator new comes here through malloc.
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstdlib>

extern "C" {
// The functions of glibc itself, below the names that are taken over here.
void* __libc_malloc(size_t size);
void* __libc_calloc(size_t count, size_t size);
void* __libc_realloc(void* old, size_t size);
void* __libc_memalign(size_t alignment, size_t size);
}

namespace {

// Counts before the file is mapped, which is before main(), do not matter.
constinit std::atomic<std::atomic<uint64_t>*> counter = nullptr;

void count() {
  if (auto* mapped = counter.load(std::memory_order_acquire)) mapped->fetch_add(1, std::memory_order_relaxed);
}

__attribute__((constructor)) void map_counter() {
  const char* path = std::getenv("PERIGEE_ALLOCATIONS_FILE");
  if (path == nullptr) return;
  const int file = open(path, O_RDWR | O_CLOEXEC);
  if (file < 0 || ftruncate(file, sizeof(uint64_t)) != 0) return;
  void* memory = mmap(nullptr, sizeof(uint64_t), PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  close(file);
  if (memory != MAP_FAILED)
    counter.store(static_cast<std::atomic<uint64_t>*>(memory), std::memory_order_release);
}

}  // namespace

extern "C" {

void* malloc(size_t size) {
  count();
  return __libc_malloc(size);
}

void* calloc(size_t count_of, size_t size) {
  count();
  return __libc_calloc(count_of, size);
}

void* realloc(void* old, size_t size) {
  count();
  return __libc_realloc(old, size);
}

void* aligned_alloc(size_t alignment, size_t size) {
  count();
  return __libc_memalign(alignment, size);
}

void* memalign(size_t alignment, size_t size) {
  count();
  return __libc_memalign(alignment, size);
}

int posix_memalign(void** out, size_t alignment, size_t size) {
  count();
  *out = __libc_memalign(alignment, size);
  return *out == nullptr ? ENOMEM : 0;
}

}  // extern "C"
