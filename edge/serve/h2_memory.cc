#include "edge/serve/h2_memory.h"

#include <sys/mman.h>

#include <algorithm>
#include <cstring>
#include <new>
#include <utility>

namespace perigee::serve {
namespace {

constexpr size_t alignment = 16;
// The session's object and its table of streams in nghttp2 1.52; of another version one of them may have to
// come from elsewhere.
constexpr size_t lasting_bytes = 7024;
// Smaller ones come and go, or are as well off elsewhere.
constexpr size_t lasting_bytes_min = 2048;
constexpr size_t frame_bytes_min = 16 * 1024;
// Places for 128 fields of HPACK. There are two tables, but one page that ends where others begin.
constexpr size_t table_bytes = 1024;

constexpr size_t aligned(size_t bytes) { return (bytes + alignment - 1) / alignment * alignment; }

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
    if (mapped == MAP_FAILED) throw std::bad_alloc();
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

H2Memory::H2Memory(char* arena, size_t object_bytes, FreeLists& lists)
    : arena_(arena),
      lists_(lists),
      lasting_(aligned(H2Arenas::object_at + object_bytes)),
      frame_(lasting_ + lasting_bytes),
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

void* H2Memory::take(size_t bytes) {
  if (bytes == table_bytes && !std::exchange(table_used_, true))
    return arena_ + H2Arenas::object_at - table_bytes;
  if (bytes < lasting_bytes_min) return lists_.take(bytes);
  if (bytes >= frame_bytes_min && bytes <= H2Arenas::arena_bytes - frame_ && !frame_used_) {
    frame_used_ = true;
    return arena_ + frame_;
  }
  if (aligned(bytes) > frame_ - lasting_) return lists_.take(bytes);
  char* memory = arena_ + lasting_;
  lasting_ += aligned(bytes);
  return memory;
}

void H2Memory::give(void* memory) {
  if (!is_in_arena(memory)) return lists_.give(memory);
  // What lasts ends with the session; the buffer may be asked for again.
  if (memory == arena_ + frame_) frame_used_ = false;
}

void* H2Memory::change(void* memory, size_t bytes) {
  if (memory == nullptr) return take(bytes);
  if (!is_in_arena(memory)) return lists_.change(memory, bytes);
  if (bytes == 0) return give(memory), nullptr;
  void* moved = lists_.take(bytes);
  if (moved == nullptr) return nullptr;
  const auto offset = static_cast<size_t>(static_cast<char*>(memory) - arena_);
  std::memcpy(moved, memory, std::min(bytes, H2Arenas::arena_bytes - offset));
  give(memory);
  return moved;
}

}  // namespace perigee::serve
