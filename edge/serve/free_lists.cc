#include "edge/serve/free_lists.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>

#include "edge/base/poison.h"

namespace perigee::serve {

FreeLists::~FreeLists() {
  for (Head* list : free_) {
    while (list != nullptr) {
      Head* const next = list->next;
      unpoison(reinterpret_cast<char*>(list + 1), list->bytes);
      std::free(list);
      list = next;
    }
  }
}

void* FreeLists::take(size_t bytes) {
  bytes = std::max<size_t>((bytes + step - 1) / step, 1) * step;
  if (bytes <= listed_bytes_max) {
    Head*& list = free_[bytes / step - 1];
    if (list != nullptr) {
      Head* const head = list;
      list = head->next;
      kept_bytes_ -= bytes;
      unpoison(reinterpret_cast<char*>(head + 1), bytes);
      return head + 1;
    }
  }
  auto* head = static_cast<Head*>(std::malloc(sizeof(Head) + bytes));
  if (head == nullptr) return nullptr;
  head->bytes = bytes;
  return head + 1;
}

void FreeLists::give(void* memory) {
  if (memory == nullptr) return;
  Head* const head = head_of(memory);
  if (head->bytes > listed_bytes_max || kept_bytes_ + head->bytes > kept_bytes_max) return std::free(head);
  Head*& list = free_[head->bytes / step - 1];
  head->next = list;
  list = head;
  kept_bytes_ += head->bytes;
  poison(static_cast<char*>(memory), head->bytes);
}

void* FreeLists::change(void* memory, size_t bytes) {
  const size_t before = memory == nullptr ? 0 : head_of(memory)->bytes;
  if (memory != nullptr && bytes <= before && bytes > 0) return memory;
  void* const moved = bytes == 0 ? nullptr : take(bytes);
  if (moved != nullptr && memory != nullptr) std::memcpy(moved, memory, before);
  if (moved != nullptr || bytes == 0) give(memory);
  return moved;
}

}  // namespace perigee::serve
