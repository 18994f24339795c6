#include "edge/cache/ghost.h"

#include <utility>

#include "edge/cache/budget.h"

namespace perigee::cache {

namespace {

constexpr size_t sets_min = 32;
// With each insertion. Half of the sets are old when it has to grow, and it grows again after as many
// insertions as it has room for: two would do.
constexpr size_t sets_per_insertion = 4;

// Ids are the low half of a hash whose bits also chose the bucket; spread them anew (Fibonacci hashing).
constexpr uint64_t spread(SegmentId id) { return id * 0x9e3779b97f4a7c15ull; }

}  // namespace

Ghost::Set* Ghost::Table::find(size_t set) const {
  Page* const page = pages_[set / page_sets].get();
  return page != nullptr ? &(*page)[set % page_sets] : nullptr;
}

Ghost::Set& Ghost::Table::at(size_t set) {
  std::unique_ptr<Page>& page = pages_[set / page_sets];
  if (page == nullptr) {
    page = std::make_unique<Page>();
    ++pages_used_;
  }
  return (*page)[set % page_sets];
}

void Ghost::Table::forget_page_of(size_t set) {
  if (std::exchange(pages_[set / page_sets], nullptr) != nullptr) --pages_used_;
}

size_t Ghost::Table::memory_bytes() const {
  return pages_used_ * allocated_bytes(sizeof(Page)) + pages_.size() * sizeof(void*);
}

size_t Ghost::set_of(const Table& table, SegmentId id) { return (spread(id) >> 32) * table.sets() >> 32; }

// Takes the place of the same id, else of the oldest entry of its set.
void Ghost::put(const Entry& entry) {
  Set& set = table_.at(set_of(table_, entry.id));
  Entry* place = set.data();
  for (Entry& one : set) {
    if (one.time != 0 && one.id == entry.id) {
      place = &one;
      break;
    }
    if (!live(one)) {
      if (live(*place)) place = &one;
    } else if (live(*place) && now_ - one.time > now_ - place->time) {
      place = &one;
    }
  }
  *place = entry;
}

// Some sets of the old table.
void Ghost::move_some() {
  for (size_t i = 0; i < sets_per_insertion && moving_ < old_.sets(); ++i) {
    Set* const set = old_.find(moving_++);
    for (size_t way = 0; set != nullptr && way < ways; ++way) {
      const Entry entry = std::exchange((*set)[way], Entry());
      if (!live(entry)) continue;
      put(entry);
      ++moved_;
    }
    if (moving_ % Table::page_sets == 0) old_.forget_page_of(moving_ - 1);
  }
  if (moving_ == old_.sets()) old_ = Table();
}

void Ghost::add(SegmentId id, size_t capacity) {
  capacity_ = capacity;
  moved_ = 0;
  if (old_.sets() == 0 && (table_.sets() * ways < capacity || table_.sets() == 0)) {
    size_t sets = table_.sets() == 0 ? sets_min : 2 * table_.sets();
    while (sets * ways < capacity) sets *= 2;
    old_ = std::exchange(table_, Table(sets));
    moving_ = 0;
  }
  if (old_.sets() != 0) move_some();
  if (++now_ == 0) ++now_;
  // What is remembered of it elsewhere is older.
  if (old_.sets() != 0) take_from(old_, id);
  put({id, now_});
}

bool Ghost::take_from(const Table& table, SegmentId id) {
  Set* const set = table.find(set_of(table, id));
  for (size_t way = 0; set != nullptr && way < ways; ++way) {
    Entry& entry = (*set)[way];
    if (entry.id != id || !live(entry)) continue;
    entry.time = 0;
    return true;
  }
  return false;
}

bool Ghost::take(SegmentId id) {
  if (table_.sets() != 0 && take_from(table_, id)) return true;
  return old_.sets() != 0 && take_from(old_, id);
}

}  // namespace perigee::cache
