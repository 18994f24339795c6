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

// Grows to hold both.
void PieceHeap::Span::add(Span other) {
  if (other.size() == 0) return;
  *this = size() == 0 ? other : Span{std::min(begin, other.begin), std::max(end, other.end)};
}

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
  Span dirty;  // what was written of it lies in there

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
  whole->dirty = {};
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

// The whole pages of a free piece, a wide one, that were written.
PieceHeap::Span PieceHeap::discardable(const Chunk* chunk) const {
  return {std::max(round_up(chunk->fields_end(), page_bytes_), chunk->dirty.begin),
          std::min(round_down(chunk->end() - sizeof(uint64_t), page_bytes_), chunk->dirty.end)};
}

// The pages of a free piece that are the process's: those at its ends, and what was written in between.
uint64_t PieceHeap::resident(const Chunk* chunk) const {
  if (!chunk->wide()) return chunk->size();
  const Span between{round_up(chunk->fields_end(), page_bytes_),
                     round_down(chunk->end() - sizeof(uint64_t), page_bytes_)};
  return chunk->size() - between.size() + discardable(chunk).size();
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
  if (discardable(chunk).size() == 0) return;
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

// What lies behind so many bytes of a piece that is in no list becomes a free one.
PieceHeap::Chunk* PieceHeap::split(Chunk* chunk, uint64_t size) {
  const Span dirty = chunk->wide() ? chunk->dirty : Span{};
  const uint64_t left = chunk->size() - size;
  chunk->word = size | (chunk->word & flag_bits);
  Chunk* rest = chunk->behind();
  rest->word = left;
  if (rest->wide()) {
    const uintptr_t first = round_down(rest->begin(), page_bytes_);
    rest->dirty = first < dirty.end ? Span{std::max(first, dirty.begin), dirty.end} : Span{};
  }
  enter(rest);
  return rest;
}

// A free piece of at least that size leaves the lists; what is left of it behind the size returns to them.
PieceHeap::Chunk* PieceHeap::cut(Chunk* chunk, uint64_t size) {
  leave(chunk);
  if (chunk->size() - size >= size_min) split(chunk, size);
  return chunk;
}

// Room of that size in the piece that is out of the heap while pages of it are given back: what lies behind
// them, or else before them, comes back as a piece of its own. Its header, or that of what stays out, is on a
// page that may have been given back already, so this is done for those only who find nothing else.
PieceHeap::Chunk* PieceHeap::find_apart(uint64_t size) {
  if (apart_ == nullptr) return nullptr;
  const uintptr_t behind = apart_pages_.end + header_bytes;
  if (behind + size <= apart_->end()) return split(apart_, behind - apart_->begin());
  const uintptr_t stays = apart_pages_.begin - Chunk::wide_fields;
  if (apart_->begin() + std::max(size, Chunk::wide_min) > stays) return nullptr;
  Chunk* const front = apart_;
  apart_ = reinterpret_cast<Chunk*>(stays);
  apart_->word = front->end() - stays;
  apart_->dirty = front->dirty;
  front->word = (stays - front->begin()) | (front->word & flag_bits);
  front->dirty = {};
  enter(front);
  return front;
}

void* PieceHeap::take(size_t bytes) {
  if (bytes > range_.size()) return nullptr;
  const uint64_t size = std::max(round_up(bytes + header_bytes, size_step), size_min);
  const std::lock_guard lock(mutex_);
  take_in_returned();
  Chunk* chunk = find(size);
  if (chunk == nullptr) chunk = find_apart(size);
  if (chunk == nullptr) return nullptr;
  return reinterpret_cast<char*>(cut(chunk, size)) + header_bytes;
}

// With the neighbours that are free. `written` of it was written, and the neighbours' words next to it.
PieceHeap::Chunk* PieceHeap::join(Chunk* chunk, Span written) {
  const auto add = [&](const Chunk* other) {
    written.add(other->wide() ? other->dirty : Span{other->begin(), other->end()});
  };
  uint64_t size = chunk->size();
  Chunk* const behind = chunk->behind();
  if (behind->is(is_free)) {
    written.add({chunk->end() - sizeof(uint64_t), behind->fields_end()});
    add(behind);
    leave(behind);
    size += behind->size();
  }
  if (chunk->is(before_is_free)) {
    Chunk* const before = chunk->before();
    written.add({chunk->begin() - sizeof(uint64_t), chunk->fields_end()});
    add(before);
    leave(before);
    size += before->size();
    chunk = before;
  }
  chunk->word = size | (chunk->word & before_is_free);
  if (chunk->wide()) {
    chunk->dirty = {round_down(written.begin, page_bytes_), round_up(written.end, page_bytes_)};
  }
  return chunk;
}

void PieceHeap::give_back(void* piece) {
  auto* chunk = reinterpret_cast<Chunk*>(static_cast<char*>(piece) - header_bytes);
  chunk->next = returned_.load(std::memory_order_relaxed);
  while (!returned_.compare_exchange_weak(chunk->next, chunk, std::memory_order_release,
                                          std::memory_order_relaxed)) {
  }
  if (mutex_.try_lock()) {
    const std::lock_guard lock(mutex_, std::adopt_lock);
    take_in_returned();
  }
}

void PieceHeap::take_in_returned() {
  if (returned_.load(std::memory_order_relaxed) == nullptr) return;
  Chunk* chunk = returned_.exchange(nullptr, std::memory_order_acquire);
  while (chunk != nullptr) {
    Chunk* const next = chunk->next;
    enter(join(chunk, {chunk->begin(), chunk->end()}));
    chunk = next;
  }
}

size_t PieceHeap::discard_some() {
  {
    const std::lock_guard lock(mutex_);
    take_in_returned();
    if (first_dirty_ == nullptr) return 0;
    apart_ = first_dirty_;
    apart_pages_ = discardable(apart_);
    apart_pages_.end = std::min(apart_pages_.end, apart_pages_.begin + discard_bytes_max);
    leave(apart_);
  }
  range_.discard(reinterpret_cast<char*>(apart_pages_.begin), apart_pages_.size());
  const std::lock_guard lock(mutex_);
  take_in_returned();
  Chunk* const chunk = std::exchange(apart_, nullptr);
  const uintptr_t end = std::min(chunk->dirty.end, round_down(chunk->end(), page_bytes_));
  enter(join(chunk, {apart_pages_.end, end}));
  return apart_pages_.size();
}

}  // namespace perigee::cache
