#include "edge/serve/h2_memory.h"

#include <sys/mman.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>

namespace perigee::serve {
namespace {

constexpr size_t slab_alignment = 16;
// The session itself and its table of streams, which in nghttp2 1.52 fill it to the byte.
constexpr size_t lasting_bytes = 7024;
// Smaller ones come and go, or are as well off in the heap.
constexpr size_t lasting_bytes_min = 2048;
constexpr size_t frame_bytes_min = 16 * 1024;
constexpr size_t frame_bytes_max = H2Arenas::arena_bytes - lasting_bytes;

}  // namespace

H2Arenas::~H2Arenas() {
  for (char* slab : slabs_) munmap(slab, slab_arenas * arena_bytes);
}

char* H2Arenas::take() {
  std::vector<char*>& from = warm_.empty() ? cold_ : warm_;
  if (from.empty()) {
    const size_t bytes = slab_arenas * arena_bytes;
    void* mapped =
        mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (mapped == MAP_FAILED) return nullptr;
    madvise(mapped, bytes, MADV_NOHUGEPAGE);  // one page of a buffer would bring all of it
    slabs_.push_back(static_cast<char*>(mapped));
    for (size_t i = slab_arenas; i > 0; --i) cold_.push_back(slabs_.back() + (i - 1) * arena_bytes);
  }
  char* arena = from.back();
  from.pop_back();
  return arena;
}

void H2Arenas::give(char* arena) {
  if (warm_.size() < warm_max) return warm_.push_back(arena);
  madvise(arena, arena_bytes, MADV_DONTNEED);
  cold_.push_back(arena);
}

H2Memory::H2Memory(H2Arenas& arenas)
    : arenas_(arenas),
      arena_(arenas.take()),
      hooks_{this, [](size_t bytes, void* self) { return static_cast<H2Memory*>(self)->take(bytes); },
             [](void* memory, void* self) { static_cast<H2Memory*>(self)->give(memory); },
             [](size_t count, size_t bytes, void* self) -> void* {
               // The counts are nghttp2's own, far from overflowing.
               void* memory = static_cast<H2Memory*>(self)->take(count * bytes);
               return memory == nullptr ? nullptr : std::memset(memory, 0, count * bytes);
             },
             [](void* memory, size_t bytes, void* self) {
               return static_cast<H2Memory*>(self)->change(memory, bytes);
             }} {}

H2Memory::~H2Memory() {
  if (arena_ != nullptr) arenas_.give(arena_);
}

bool H2Memory::is_ours(const void* memory) const {
  const auto* at = static_cast<const char*>(memory);
  return arena_ != nullptr && at >= arena_ && at < arena_ + H2Arenas::arena_bytes;
}

void* H2Memory::take(size_t bytes) {
  if (arena_ == nullptr || bytes < lasting_bytes_min) return std::malloc(bytes);
  if (bytes >= frame_bytes_min && bytes <= frame_bytes_max && !frame_used_) {
    frame_used_ = true;
    return arena_ + lasting_bytes;
  }
  const size_t rounded = (bytes + slab_alignment - 1) / slab_alignment * slab_alignment;
  if (rounded > lasting_bytes - lasting_) return std::malloc(bytes);
  char* memory = arena_ + lasting_;
  lasting_ += rounded;
  return memory;
}

void H2Memory::give(void* memory) {
  if (!is_ours(memory)) return std::free(memory);
  // What lasts ends with the session; the buffer may be asked for again.
  if (memory == arena_ + lasting_bytes) frame_used_ = false;
}

void* H2Memory::change(void* memory, size_t bytes) {
  if (memory == nullptr) return take(bytes);
  if (!is_ours(memory)) return std::realloc(memory, bytes);
  if (bytes == 0) return give(memory), nullptr;
  void* moved = std::malloc(bytes);
  if (moved == nullptr) return nullptr;
  const auto offset = static_cast<size_t>(static_cast<char*>(memory) - arena_);
  std::memcpy(moved, memory, std::min(bytes, H2Arenas::arena_bytes - offset));
  give(memory);
  return moved;
}

}  // namespace perigee::serve
