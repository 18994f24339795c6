#include "edge/serve/free_lists.h"

#include <malloc.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <new>

namespace perigee::serve {

FreeLists::~FreeLists() {
  for (List& list : lists_) {
    while (Free* const block = list.first) {
      list.first = block->next;
      std::free(block);
    }
  }
}

void* FreeLists::take(size_t bytes) {
  if (bytes > std::numeric_limits<size_t>::max() / 2) return nullptr;
  const size_t room = room_for(bytes);
  if (keeps_ && room <= listed_bytes_max) {
    List& list = list_of(room);
    if (Free* const block = list.first) {
      list.first = block->next;
      list.bytes -= room;
      return block;
    }
  }
  return std::malloc(keeps_ ? room : std::max<size_t>(bytes, 1));
}

void FreeLists::give(void* memory) {
  if (memory == nullptr) return;
  const size_t room = keeps_ ? malloc_usable_size(memory) : 0;
  // Of another allocator a block may hold what no list is for.
  if (!keeps_ || room > listed_bytes_max || room != room_for(room)) return std::free(memory);
  List& list = list_of(room);
  if (list.bytes + room > kept_bytes_max) return std::free(memory);
  list.first = new (memory) Free{list.first};
  list.bytes += room;
}

void* FreeLists::change(void* memory, size_t bytes) {
  const size_t before = memory == nullptr ? 0 : malloc_usable_size(memory);
  if (memory != nullptr && bytes <= before && bytes > 0) return memory;
  void* const moved = bytes == 0 ? nullptr : take(bytes);
  if (moved != nullptr && memory != nullptr) std::memcpy(moved, memory, before);
  if (moved != nullptr || bytes == 0) give(memory);
  return moved;
}

size_t FreeLists::kept_bytes() const {
  size_t bytes = 0;
  for (const List& list : lists_) bytes += list.bytes;
  return bytes;
}

}  // namespace perigee::serve
