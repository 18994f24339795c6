#include "edge/cache/piece_heap.h"

#include <sys/mman.h>

#include <algorithm>
#include <catch2/catch_test_macros.hpp>
#include <cstring>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "edge/base/random.h"
#include "edge/cache/store.h"
#include "edge/net/mapped_range.h"

using namespace perigee;
using namespace perigee::cache;

namespace {

constexpr size_t page = 4096;

// Pages of the test's own that know which of them were given back, and lose what was in them at once.
class CountedRange final : public PageRange {
 public:
  explicit CountedRange(size_t size)
      : size_(size),
        begin_(static_cast<char*>(
            ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0))) {
    REQUIRE(begin_ != MAP_FAILED);
  }
  ~CountedRange() override { ::munmap(begin_, size_); }
  char* begin() const override { return begin_; }
  size_t size() const override { return size_; }
  size_t page_bytes() const override { return page; }
  void discard(char* begin, size_t bytes) override {
    REQUIRE((begin - begin_) % page == 0);
    REQUIRE(bytes % page == 0);
    REQUIRE((begin >= begin_ && begin + bytes <= begin_ + size_));
    std::memset(begin, 0x5a, bytes);
    ::madvise(begin, bytes, MADV_DONTNEED);
    if (meanwhile) meanwhile();
    largest = std::max(largest, bytes);
    all += bytes;
  }
  // As the system has it.
  size_t resident() const {
    std::vector<unsigned char> pages(size_ / page);
    REQUIRE(::mincore(begin_, size_, pages.data()) == 0);
    size_t count = 0;
    for (const unsigned char one : pages) count += one & 1;
    return count * page;
  }
  std::function<void()> meanwhile;  // during a call
  size_t largest = 0;               // bytes with one call
  size_t all = 0;

 private:
  size_t size_;
  char* begin_;
};

size_t discard_all(PieceHeap& heap) {
  size_t steps = 0;
  while (heap.discard_some()) ++steps;
  return steps;
}

}  // namespace

TEST_CASE("pieces lie on boundaries of 16 within the range, and cost what malloc takes", "[cache][pieces]") {
  CountedRange range(1 << 20);
  PieceHeap heap(range);
  const char* last = nullptr;
  for (const size_t bytes : {1, 24, 25, 100, 4096, 70'000}) {
    const char* const piece = static_cast<char*>(heap.take(bytes));
    REQUIRE(piece != nullptr);
    CHECK(heap.holds(piece));
    CHECK(reinterpret_cast<uintptr_t>(piece) % 16 == 0);
    last = piece;
    const char* const next = static_cast<char*>(heap.take(1));
    CHECK(static_cast<size_t>(next - last) == allocated_bytes(bytes));
  }
  CHECK_FALSE(heap.holds(range.begin() + range.size()));
  CHECK_FALSE(heap.holds(&last));
}

TEST_CASE("a full heap says so, and neighbours that are given back are one piece again", "[cache][pieces]") {
  CountedRange range(1 << 20);
  PieceHeap heap(range);
  CHECK(heap.take(range.size()) == nullptr);
  CHECK(heap.take(~size_t{0}) == nullptr);
  std::vector<void*> pieces;
  while (void* piece = heap.take(1000)) pieces.push_back(piece);
  CHECK(pieces.size() == (range.size() - 16) / allocated_bytes(1000));
  // Each second one: nothing larger fits. The others too, in another order: all of it is one piece.
  for (size_t i = 0; i < pieces.size(); i += 2) heap.give_back(pieces[i]);
  CHECK(heap.take(1100) == nullptr);
  for (size_t i = pieces.size() / 2 * 2 - 1; i < pieces.size(); i -= 2) heap.give_back(pieces[i]);
  void* const half = heap.take(range.size() / 2);
  CHECK(half != nullptr);
  heap.give_back(half);
}

TEST_CASE("what is given back goes to the system in steps of bounded size, all but the ends of pieces",
          "[cache][pieces]") {
  CountedRange range(64 << 20);
  PieceHeap heap(range);
  CHECK_FALSE(heap.discard_some());  // nothing was ever written
  std::vector<char*> pieces;
  for (size_t i = 0; i < 50'000; ++i) {
    pieces.push_back(static_cast<char*>(heap.take(500)));
    std::memset(pieces.back(), 1, 500);
  }
  const size_t full = range.resident();
  CHECK(full >= 50'000 * 500);
  for (char* piece : pieces) heap.give_back(piece);
  CHECK(heap.holes() >= 50'000 * 500);
  CHECK(heap.holes() <= full + page);
  const size_t steps = discard_all(heap);
  CHECK(range.largest <= PieceHeap::discard_bytes_max);
  CHECK(steps >= 50'000 * 500 / PieceHeap::discard_bytes_max);
  CHECK(range.resident() <= 4 * page);
  CHECK(heap.holes() <= 4 * page);
  CHECK(range.all <= full);  // no page twice

  // What is written later is all that there is to give back then, though it is part of a large free piece.
  const size_t before = range.all;
  void* const piece = heap.take(100'000);
  std::memset(piece, 1, 100'000);
  heap.give_back(piece);
  discard_all(heap);
  CHECK(range.all - before <= 100'000 + 2 * page);
  CHECK(range.all - before >= 100'000 - 2 * page);
  CHECK(range.resident() <= 4 * page);
}

TEST_CASE("pieces of any size, taken and given back in any order, keep what is written in them",
          "[cache][pieces][property]") {
  CountedRange range(4 << 20);
  PieceHeap heap(range);
  Random random(7);
  struct Piece {
    char* at;
    size_t bytes;
    char fill;
  };
  std::vector<Piece> pieces;
  std::map<char*, size_t> places;
  size_t refused = 0;
  for (int round = 0; round < 60'000; ++round) {
    const uint64_t dice = random.below(100);
    // Waves: mostly taken for a while, then mostly given back.
    const bool growing = round / 5'000 % 2 == 0;
    if (dice < (growing ? 60u : 35u)) {
      const size_t bytes =
          1 + (dice % 7 == 0 ? random.below(60'000) : random.below(random.below(2) ? 5'000 : 300));
      auto* at = static_cast<char*>(heap.take(bytes));
      if (at == nullptr) {
        ++refused;
        continue;
      }
      const auto behind = places.upper_bound(at);
      REQUIRE((behind == places.end() || at + bytes <= behind->first));
      REQUIRE((behind == places.begin() || std::prev(behind)->first + std::prev(behind)->second <= at));
      places.emplace(at, bytes);
      pieces.push_back({at, bytes, static_cast<char>(round)});
      std::memset(at, pieces.back().fill, bytes);
    } else if (dice < 97 && !pieces.empty()) {
      const size_t which = random.below(pieces.size());
      const Piece piece = pieces[which];
      REQUIRE(std::string_view(piece.at, piece.bytes) == std::string(piece.bytes, piece.fill));
      heap.give_back(piece.at);
      places.erase(piece.at);
      pieces[which] = pieces.back();
      pieces.pop_back();
    } else {
      heap.discard_some();
    }
  }
  CHECK(refused > 0);
  for (const Piece& piece : pieces) {
    REQUIRE(std::string_view(piece.at, piece.bytes) == std::string(piece.bytes, piece.fill));
    heap.give_back(piece.at);
  }
  discard_all(heap);
  CHECK(range.resident() <= 4 * page);
  CHECK(heap.holes() <= 4 * page);
  CHECK(range.largest <= PieceHeap::discard_bytes_max);
  // All of it is one piece.
  CHECK(heap.take(range.size() - 64 * 1024 * 3) != nullptr);
}

TEST_CASE("while pages are given back nobody waits, and what is not of them can be taken and given back",
          "[cache][pieces]") {
  for (const size_t bytes : {200'000, 1'040'000, 3'000'000}) {
    CountedRange range(8 << 20);
    PieceHeap heap(range);
    void* before = heap.take(5'000);
    void* const written = heap.take(bytes);
    void* behind = heap.take(5'000);
    std::memset(written, 1, bytes);
    heap.give_back(written);
    size_t calls = 0;
    range.meanwhile = [&] {
      // By the same thread: a lock that was held would be waited for without end.
      switch (calls++) {
        case 0:
          heap.give_back(before);
          break;
        case 1:
          heap.give_back(behind);
          break;
        default: {
          void* const piece = heap.take(3'000);
          REQUIRE(piece != nullptr);
          std::memset(piece, 2, 3'000);
          heap.give_back(piece);
        }
      }
    };
    discard_all(heap);
    range.meanwhile = nullptr;
    if (calls < 1) heap.give_back(before);
    if (calls < 2) heap.give_back(behind);
    CHECK(calls >= 2);
    CHECK(range.largest <= PieceHeap::discard_bytes_max);
    discard_all(heap);
    CHECK(range.resident() <= 4 * page);
    CHECK(heap.holes() <= 4 * page);
    // All of it is one piece again.
    CHECK(heap.take(7'700'000) != nullptr);
  }
}

// A page at a time beside a large free piece, from either side, with a keeper that gives back what it can.
TEST_CASE("pages of small pieces beside a large free one are not forgotten", "[cache][pieces]") {
  for (const bool backward : {true, false}) {
    for (const size_t every : {100'000, 100, 7}) {
      CountedRange range(64 << 20);
      PieceHeap heap(range);
      std::vector<char*> pieces;
      for (size_t i = 0; i < 20'000; ++i) {
        pieces.push_back(static_cast<char*>(heap.take(500)));
        std::memset(pieces.back(), 1, 500);
      }
      if (backward) std::reverse(pieces.begin(), pieces.end());
      size_t live = pieces.size();
      for (char* piece : pieces) {
        heap.give_back(piece);
        if (--live % every == 0) discard_all(heap);
        if (live % 1'000 == 0) REQUIRE(range.resident() <= heap.holes() + live * 512 + 4 * page);
      }
      discard_all(heap);
      CHECK(range.resident() <= 4 * page);
      CHECK(heap.holes() <= 4 * page);
    }
  }
}

TEST_CASE("who finds nothing else is given of the piece whose pages are given back", "[cache][pieces]") {
  // The room is behind these pages when few were given back of the piece, and in front of them later.
  for (const int steps : {0, 20}) {
    CountedRange range(8 << 20);
    PieceHeap heap(range);
    void* const first = heap.take(4'000'000);
    void* const second = heap.take(4'300'000);
    REQUIRE(second != nullptr);
    std::memset(first, 1, 4'000'000);
    std::memset(second, 1, 4'300'000);
    heap.give_back(first);
    discard_all(heap);
    heap.give_back(second);
    for (int i = 0; i < steps; ++i) REQUIRE(heap.discard_some() > 0);
    std::vector<void*> taken;
    range.meanwhile = [&] {
      void* const piece = heap.take(2'500'000);
      if (piece == nullptr) return;
      std::memset(piece, 2, 2'500'000);
      taken.push_back(piece);
    };
    REQUIRE(heap.discard_some() > 0);
    range.meanwhile = nullptr;
    REQUIRE(taken.size() == 1);
    CHECK((taken[0] < second) == (steps > 0));
    discard_all(heap);
    const auto* bytes = static_cast<const char*>(taken[0]);
    CHECK(std::all_of(bytes, bytes + 2'500'000, [](char one) { return one == 2; }));
    CHECK(range.resident() <= 2'500'000 + 8 * page);
    heap.give_back(taken[0]);
    discard_all(heap);
    CHECK(range.resident() <= 4 * page);
    CHECK(heap.holes() <= 4 * page);
    CHECK(heap.take(8'000'000) != nullptr);
  }
}

TEST_CASE("a store keeps its responses in pieces, and on the heap what does not fit there",
          "[cache][pieces]") {
  CountedRange range(64 * page);
  PieceHeap heap(range);
  {
    Store store({.budget_bytes = 64 << 20, .shards = 1, .pieces = &heap});
    const std::string body(5'000, 'x');
    for (int i = 0; i < 100; ++i) {
      const std::string bytes = "key" + std::to_string(i);
      Draft draft;
      draft.key = {bytes, static_cast<uint64_t>(i) * 0x9e3779b97f4a7c15};
      REQUIRE(store.begin(draft, body).commit());
    }
    CHECK(heap.take(8'000) == nullptr);
    CHECK(store.stats().responses == 100);
  }
  CHECK(heap.take(60 * page) != nullptr);
}

TEST_CASE("anonymous pages are taken with the first byte written, and given back when they are discarded",
          "[net][pieces]") {
  CHECK(net::MappedRange::create(0) == nullptr);
  CHECK(net::MappedRange::create(uint64_t{1} << 62) == nullptr);
  const auto range = net::MappedRange::create((64 << 20) + 1);
  if (range == nullptr) SKIP("not under the address sanitizer");
  CHECK(range->size() == (64 << 20) + range->page_bytes());
  const auto resident = [&] {
    std::vector<unsigned char> pages(range->size() / range->page_bytes());
    REQUIRE(::mincore(range->begin(), range->size(), pages.data()) == 0);
    size_t count = 0;
    for (const unsigned char one : pages) count += one & 1;
    return count;
  };
  CHECK(resident() == 0);
  std::memset(range->begin(), 1, 10 * range->page_bytes());
  CHECK(resident() == 10);
  range->discard(range->begin(), 7 * range->page_bytes());
  CHECK(resident() == 3);
}
