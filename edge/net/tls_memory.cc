#include "edge/net/tls_memory.h"

#include <malloc.h>
#include <openssl/crypto.h>

#include <array>
#include <cstddef>
#include <cstdlib>

namespace perigee::net {
namespace {

// A record of 16 KiB with its header, padding and alignment, by any version of TLS.
constexpr size_t record_bytes_min = 16 * 1024;
constexpr size_t record_bytes_max = 20 * 1024;

// Of one thread. Without a destructor, since OpenSSL frees what it has of a thread after those have run.
struct Kept {
  std::array<void*, tls_buffers_kept_max> buffers;
  size_t count;
  bool closed;
};
thread_local constinit Kept kept{};

struct GivesBack {
  bool begun = false;  // written, so that its life begins, and ends with the thread
  ~GivesBack() {
    kept.closed = true;
    while (kept.count > 0) std::free(kept.buffers[--kept.count]);
  }
};
thread_local GivesBack gives_back;

bool holds_record(size_t bytes) { return bytes > record_bytes_min && bytes <= record_bytes_max; }

}  // namespace

void* take_tls_memory(size_t bytes) {
  if (bytes == 0) return nullptr;
  if (!holds_record(bytes)) return std::malloc(bytes);
  return kept.count > 0 ? kept.buffers[--kept.count] : std::malloc(record_bytes_max);
}

void give_tls_memory(void* memory) {
  if (memory == nullptr) return;
  const size_t usable = malloc_usable_size(memory);
  const bool fits = usable >= record_bytes_max && usable <= record_bytes_max + 64;
  if (!fits || kept.closed || kept.count == tls_buffers_kept_max) {
    std::free(memory);
    return;
  }
  gives_back.begun = true;
  kept.buffers[kept.count++] = memory;
}

void* change_tls_memory(void* memory, size_t bytes) {
  if (memory == nullptr) return take_tls_memory(bytes);
  if (bytes != 0) return std::realloc(memory, bytes);
  give_tls_memory(memory);
  return nullptr;
}

bool keep_tls_record_buffers() {
  return CRYPTO_set_mem_functions(
             [](size_t bytes, const char*, int) { return take_tls_memory(bytes); },
             [](void* memory, size_t bytes, const char*, int) { return change_tls_memory(memory, bytes); },
             [](void* memory, const char*, int) { give_tls_memory(memory); }) == 1;
}

}  // namespace perigee::net
