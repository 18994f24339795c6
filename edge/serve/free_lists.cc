#include "edge/serve/free_lists.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <limits>

namespace perigee::serve {

FreeLists::~FreeLists() {
  for (List& list : lists_) {
    while (Head* const head = list.first) {
      list.first = head->next;
      std::free(head);
    }
  }
}

void* FreeLists::take(size_t bytes) {
  if (bytes > std::numeric_limits<size_t>::max() / 2) return nullptr;
  bytes = keeps_ ? std::max<size_t>((bytes + step - 1) / step, 1) * step : bytes;
  if (keeps_ && bytes <= listed_bytes_max) {
    List& list = lists_[bytes / step - 1];
    if (Head* const head = list.first) {
      list.first = head->next;
      list.bytes -= bytes;
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
  if (!keeps_ || head->bytes > listed_bytes_max) return std::free(head);
  List& list = lists_[head->bytes / step - 1];
  if (list.bytes + head->bytes > kept_bytes_max) return std::free(head);
  head->next = list.first;
  list.first = head;
  list.bytes += head->bytes;
}

void* FreeLists::change(void* memory, size_t bytes) {
  const size_t before = memory == nullptr ? 0 : head_of(memory)->bytes;
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
