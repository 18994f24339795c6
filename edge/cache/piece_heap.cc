#include "edge/cache/piece_heap.h"

#include <algorithm>
#include <bit>
#include <utility>

namespace perigee::cache {

namespace {

constexpr uint64_t size_step = 16;
constexpr uint64_t header_bytes = 8;
constexpr uint64_t size_min = 32;
// Below this there is one class for each size.
constexpr unsigned linear_power = 9;
constexpr uint64_t is_free = 1;
constexpr uint64_t before_is_free = 2;
constexpr uint64_t is_listed = 4;  // among those with pages to give back
constexpr uint64_t flag_bits = size_step - 1;

uintptr_t round_down(uintptr_t at, uint64_t unit) { return at & ~uintptr_t{unit - 1}; }
uintptr_t round_up(uintptr_t at, uint64_t unit) { return round_down(at + unit - 1, unit); }

}  // namespace

// The header, and in a free piece the lists. The last eight bytes of a free piece hold its size, for the
// neighbour behind it. What a small piece has no room for is not touched there.
struct PieceHeap::Chunk {
  uint64_t word;  // size, and flags
  // Free:
  Chunk* next;
  Chunk* previous;
  // Wide:
  Chunk* next_dirty;
  Chunk* previous_dirty;
  uintptr_t dirty_begin;  // what was written of it lies in between
  uintptr_t dirty_end;

  static constexpr uint64_t wide_min = 80;
  static constexpr uint64_t wide_fields = 56;

  uintptr_t begin() const { return reinterpret_cast<uintptr_t>(this); }
  uint64_t size() const { return word & ~flag_bits; }
  uintptr_t end() const { return begin() + size(); }
  bool is(uint64_t flag) const { return (word & flag) != 0; }
  bool wide() const { return size() >= wide_min; }
  // What of it the heap itself writes.
  uintptr_t fields_end() const { return begin() + (wide() ? wide_fields : size()); }
  Chunk* behind() const { return reinterpret_cast<Chunk*>(end()); }
  uint64_t& last_word() const { return *reinterpret_cast<uint64_t*>(end() - sizeof(uint64_t)); }
  // Only when it is free.
  Chunk* before() const {
    const uint64_t its_size = *reinterpret_cast<const uint64_t*>(begin() - sizeof(uint64_t));
    return reinterpret_cast<Chunk*>(begin() - its_size);
  }
};

// One free piece that was never written, between two words: nothing lies before it, and the piece behind it,
// without bytes, is never free.
PieceHeap::PieceHeap(PageRange& range) : range_(range), page_bytes_(range.page_bytes()) {
  auto* whole = reinterpret_cast<Chunk*>(range.begin() + header_bytes);
  whole->word = range.size() - 2 * header_bytes;
  whole->dirty_begin = whole->dirty_end = 0;
  whole->behind()->word = 0;
  enter(whole);
}

PieceHeap::Class PieceHeap::class_of(uint64_t size) {
  if (size < uint64_t{1} << linear_power) return {0, static_cast<unsigned>(size / size_step)};
  const auto power = static_cast<unsigned>(std::bit_width(size)) - 1;
  return {power - linear_power + 1, static_cast<unsigned>(size >> (power - fine_bits)) & (fine_classes - 1)};
}

// The first of the smallest class all of whose pieces are large enough.
PieceHeap::Chunk* PieceHeap::find(uint64_t size) {
  const auto power = static_cast<unsigned>(std::bit_width(size)) - 1;
  if (power >= linear_power) size += (uint64_t{1} << (power - fine_bits)) - 1;
  auto [row, fine] = class_of(size);
  if (row >= powers) return nullptr;
  uint32_t fines = fine_maps_[row] & (~uint32_t{0} << fine);
  if (fines == 0) {
    const uint64_t rows = power_map_ & (~uint64_t{0} << row << 1);
    if (rows == 0) return nullptr;
    row = static_cast<unsigned>(std::countr_zero(rows));
    fines = fine_maps_[row];
  }
  return lists_[row][static_cast<unsigned>(std::countr_zero(fines))];
}

// The pages of a free piece that are the process's: those at its ends, and what was written in between.
uint64_t PieceHeap::resident(const Chunk* chunk) const {
  if (!chunk->wide()) return chunk->size();
  const uintptr_t begin = round_up(chunk->fields_end(), page_bytes_);
  const uintptr_t end = round_down(chunk->end() - sizeof(uint64_t), page_bytes_);
  if (begin >= end) return chunk->size();
  const uintptr_t dirty_begin = std::max(begin, chunk->dirty_begin);
  const uintptr_t dirty_end = std::min(end, chunk->dirty_end);
  return chunk->size() - (end - begin) + (dirty_begin < dirty_end ? dirty_end - dirty_begin : 0);
}

void PieceHeap::enter(Chunk* chunk) {
  const auto [row, fine] = class_of(chunk->size());
  Chunk*& first = lists_[row][fine];
  chunk->word |= is_free;
  chunk->last_word() = chunk->size();
  chunk->behind()->word |= before_is_free;
  chunk->previous = nullptr;
  chunk->next = first;
  if (first != nullptr) first->previous = chunk;
  first = chunk;
  fine_maps_[row] |= uint32_t{1} << fine;
  power_map_ |= uint64_t{1} << row;
  add_holes(resident(chunk));
  if (chunk->wide()) enlist(chunk);
}

void PieceHeap::leave(Chunk* chunk) {
  const auto [row, fine] = class_of(chunk->size());
  add_holes(~resident(chunk) + 1);
  if (chunk->next != nullptr) chunk->next->previous = chunk->previous;
  (chunk->previous != nullptr ? chunk->previous->next : lists_[row][fine]) = chunk->next;
  if (lists_[row][fine] == nullptr) {
    fine_maps_[row] &= ~(uint32_t{1} << fine);
    if (fine_maps_[row] == 0) power_map_ &= ~(uint64_t{1} << row);
  }
  if (chunk->is(is_listed)) delist(chunk);
  chunk->behind()->word &= ~before_is_free;
  chunk->word &= ~is_free;
}

void PieceHeap::enlist(Chunk* chunk) {
  const uintptr_t begin = std::max(round_up(chunk->fields_end(), page_bytes_), chunk->dirty_begin);
  const uintptr_t end = std::min(round_down(chunk->end() - sizeof(uint64_t), page_bytes_), chunk->dirty_end);
  if (begin >= end) return;
  chunk->word |= is_listed;
  chunk->next_dirty = nullptr;
  chunk->previous_dirty = last_dirty_;
  (last_dirty_ != nullptr ? last_dirty_->next_dirty : first_dirty_) = chunk;
  last_dirty_ = chunk;
}

void PieceHeap::delist(Chunk* chunk) {
  (chunk->previous_dirty != nullptr ? chunk->previous_dirty->next_dirty : first_dirty_) = chunk->next_dirty;
  (chunk->next_dirty != nullptr ? chunk->next_dirty->previous_dirty : last_dirty_) = chunk->previous_dirty;
  chunk->word &= ~is_listed;
}

// A free piece of at least that size leaves the lists; what is left of it behind the size returns to them.
PieceHeap::Chunk* PieceHeap::cut(Chunk* chunk, uint64_t size) {
  const auto [dirty_begin, dirty_end] =
      chunk->wide() ? std::pair(chunk->dirty_begin, chunk->dirty_end) : std::pair<uintptr_t, uintptr_t>();
  leave(chunk);
  const uint64_t left = chunk->size() - size;
  if (left < size_min) return chunk;
  chunk->word = size | (chunk->word & flag_bits);
  Chunk* rest = chunk->behind();
  rest->word = left;
  if (rest->wide()) {
    const bool touched = rest->begin() < dirty_end;
    rest->dirty_begin = touched ? dirty_begin : 0;
    rest->dirty_end = touched ? dirty_end : 0;
  }
  enter(rest);
  return chunk;
}

std::unique_lock<std::mutex> PieceHeap::lock() {
  std::unique_lock lock(mutex_, std::try_to_lock);
  if (lock.owns_lock()) return lock;
  waiting_.fetch_add(1, std::memory_order_relaxed);
  lock.lock();
  waiting_.fetch_sub(1, std::memory_order_relaxed);
  return lock;
}

void* PieceHeap::take(size_t bytes) {
  if (bytes > range_.size()) return nullptr;
  const uint64_t size = std::max(round_up(bytes + header_bytes, size_step), size_min);
  const std::unique_lock locked = lock();
  Chunk* chunk = find(size);
  if (chunk == nullptr) return nullptr;
  return reinterpret_cast<char*>(cut(chunk, size)) + header_bytes;
}

// With the neighbours that are free. What lies between them was written: the piece, and the neighbours' words
// next to it.
void PieceHeap::join(Chunk*& chunk) {
  uintptr_t dirty_begin = chunk->begin();
  uintptr_t dirty_end = chunk->end();
  const auto add = [&](const Chunk* other) {
    if (!other->wide()) {
      dirty_begin = std::min(dirty_begin, other->begin());
      dirty_end = std::max(dirty_end, other->end());
    } else if (other->dirty_begin < other->dirty_end) {
      dirty_begin = std::min(dirty_begin, other->dirty_begin);
      dirty_end = std::max(dirty_end, other->dirty_end);
    }
  };
  uint64_t size = chunk->size();
  Chunk* const behind = chunk->behind();
  if (behind->is(is_free)) {
    dirty_end = behind->fields_end();
    add(behind);
    leave(behind);
    size += behind->size();
  }
  if (chunk->is(before_is_free)) {
    Chunk* const before = chunk->before();
    dirty_begin -= sizeof(uint64_t);
    add(before);
    leave(before);
    size += before->size();
    chunk = before;
  }
  chunk->word = size | (chunk->word & before_is_free);
  if (!chunk->wide()) return;
  chunk->dirty_begin = round_down(dirty_begin, page_bytes_);
  chunk->dirty_end = round_up(dirty_end, page_bytes_);
}

void PieceHeap::give_back(void* piece) {
  auto* chunk = reinterpret_cast<Chunk*>(static_cast<char*>(piece) - header_bytes);
  const std::unique_lock locked = lock();
  join(chunk);
  enter(chunk);
}

size_t PieceHeap::discard_some() {
  const std::lock_guard lock(mutex_);
  Chunk* chunk = first_dirty_;
  if (chunk == nullptr) return 0;
  leave(chunk);
  const uintptr_t begin = std::max(round_up(chunk->fields_end(), page_bytes_), chunk->dirty_begin);
  const uintptr_t end = std::min({round_down(chunk->end() - sizeof(uint64_t), page_bytes_), chunk->dirty_end,
                                  begin + discard_bytes_max});
  range_.discard(reinterpret_cast<char*>(begin), end - begin);
  chunk->dirty_begin = end;
  if (end >= chunk->dirty_end) chunk->dirty_begin = chunk->dirty_end = 0;
  enter(chunk);
  return end - begin;
}

}  // namespace perigee::cache
