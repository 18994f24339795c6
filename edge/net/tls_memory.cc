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
// One that is read, one that is written, and as many again for a call within a call.
constexpr size_t kept_max = 4;

// Of one thread. Without a destructor, since OpenSSL frees what it has of a thread after those have run.
struct Kept {
  std::array<void*, kept_max> buffers;
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

void* take(size_t bytes, const char*, int) {
  if (bytes == 0) return nullptr;
  if (!holds_record(bytes)) return std::malloc(bytes);
  return kept.count > 0 ? kept.buffers[--kept.count] : std::malloc(record_bytes_max);
}

void give(void* memory, const char*, int) {
  if (memory == nullptr) return;
  const size_t usable = malloc_usable_size(memory);
  if (usable < record_bytes_max || usable > record_bytes_max + 64 || kept.closed || kept.count == kept_max) {
    std::free(memory);
    return;
  }
  gives_back.begun = true;
  kept.buffers[kept.count++] = memory;
}

void* change(void* memory, size_t bytes, const char* file, int line) {
  if (memory == nullptr) return take(bytes, file, line);
  if (bytes != 0) return std::realloc(memory, bytes);
  give(memory, file, line);
  return nullptr;
}

}  // namespace

bool keep_tls_record_buffers() { return CRYPTO_set_mem_functions(take, change, give) == 1; }

}  // namespace perigee::net
