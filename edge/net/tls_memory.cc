#include "edge/net/tls_memory.h"

#include <malloc.h>
#include <openssl/crypto.h>

#include <array>
#include <cstddef>
#include <cstdlib>

#include "edge/net/tls_hot_memory.h"

namespace perigee::net {
namespace {

// A record of 16 KiB with its header, padding and alignment, by any version of TLS.
constexpr size_t record_bytes_min = 16 * 1024;
constexpr size_t record_bytes_max = 20 * 1024;
// What OpenSSL notes of each nested part of a record that it writes. The heap hands out 40 bytes for it.
constexpr size_t note_bytes_min = 33;
constexpr size_t note_bytes_max = 40;

// Memory of one size on its way to the next who wants it.
template <size_t most>
struct Shelf {
  std::array<void*, most> kept;
  size_t count;
  void* take(size_t bytes) { return count > 0 ? kept[--count] : std::malloc(bytes); }
  void put(void* memory) {
    if (count == most) return std::free(memory);
    kept[count++] = memory;
  }
  void clear() {
    while (count > 0) std::free(kept[--count]);
  }
};

// Of one thread. Without a destructor, since OpenSSL frees what it has of a thread after those have run.
struct Kept {
  Shelf<tls_buffers_kept_max> buffers;
  Shelf<tls_notes_kept_max> notes;
  bool begun;   // there is something that the end of the thread must free
  bool closed;  // it has ended
};
thread_local constinit Kept kept{};

struct GivesBack {
  bool begun = false;  // written, so that its life begins, and ends with the thread
  ~GivesBack() {
    kept.closed = true;
    kept.buffers.clear();
    kept.notes.clear();
  }
};
thread_local GivesBack gives_back;

// False: nothing is kept any more.
bool keeps() {
  if (kept.begun) return !kept.closed;
  gives_back.begun = true;
  return kept.begun = true;
}

bool holds_record(size_t bytes) { return bytes > record_bytes_min && bytes <= record_bytes_max; }
bool holds_note(size_t bytes) { return bytes >= note_bytes_min && bytes <= note_bytes_max; }

}  // namespace

void* take_tls_memory(size_t bytes) {
  if (holds_note(bytes)) return kept.notes.take(note_bytes_max);
  if (holds_record(bytes)) return kept.buffers.take(record_bytes_max);
  if (bytes == 0) return nullptr;
  void* const memory = std::malloc(bytes);
  if (memory != nullptr) TlsHotMemory::took(memory, bytes);
  return memory;
}

void give_tls_memory(void* memory) {
  if (memory == nullptr) return;
  const size_t usable = malloc_usable_size(memory);
  const bool note = usable == note_bytes_max;
  const bool record = usable >= record_bytes_max && usable <= record_bytes_max + 64;
  if ((!note && !record) || !keeps()) {
    TlsHotMemory::gave(memory);
    return std::free(memory);
  }
  if (note) return kept.notes.put(memory);
  kept.buffers.put(memory);
}

void* change_tls_memory(void* memory, size_t bytes) {
  if (memory == nullptr) return take_tls_memory(bytes);
  if (bytes != 0) return std::realloc(memory, bytes);
  give_tls_memory(memory);
  return nullptr;
}

bool keep_tls_memory() {
  const int set = CRYPTO_set_mem_functions(
      [](size_t bytes, const char*, int) { return take_tls_memory(bytes); },
      [](void* memory, size_t bytes, const char*, int) { return change_tls_memory(memory, bytes); },
      [](void* memory, const char*, int) { give_tls_memory(memory); });
  return set == 1;
}

}  // namespace perigee::net
