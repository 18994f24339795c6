// Threads on one heap of pieces.
#include <sys/mman.h>

#include <atomic>
#include <catch2/catch_test_macros.hpp>
#include <cstring>
#include <thread>
#include <vector>

#include "edge/base/page_range.h"
#include "edge/base/random.h"
#include "edge/cache/piece_heap.h"

using namespace perigee;
using namespace perigee::cache;

namespace {

// Like net::MappedRange, also under the address sanitizer.
class Pages final : public PageRange {
 public:
  Pages() : begin_(::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)) {
    REQUIRE(begin_ != MAP_FAILED);
  }
  ~Pages() override { ::munmap(begin_, bytes); }
  Pages(const Pages&) = delete;
  Pages& operator=(const Pages&) = delete;
  char* begin() const override { return static_cast<char*>(begin_); }
  size_t size() const override { return bytes; }
  size_t page_bytes() const override { return 4096; }
  void discard(char* begin, size_t size) override { ::madvise(begin, size, MADV_DONTNEED); }

 private:
  static constexpr size_t bytes = 64 << 20;
  void* begin_;
};

struct Piece {
  char* at;
  size_t bytes;
};

// Takes pieces and gives them back, and counts those that are not as they were written.
size_t work(PieceHeap& heap, uint64_t seed) {
  Random random(seed);
  std::vector<Piece> pieces;
  size_t wrong = 0;
  const auto check = [&](const Piece& piece) {
    for (size_t i = 0; i < piece.bytes; i += 509) wrong += piece.at[i] != static_cast<char>(seed) ? 1 : 0;
    heap.give_back(piece.at);
  };
  for (int round = 0; round < 20'000; ++round) {
    if (pieces.size() < 300 && random.below(2) == 0) {
      const size_t bytes = 1 + random.below(random.below(10) == 0 ? 40'000 : 2'000);
      auto* at = static_cast<char*>(heap.take(bytes));
      if (at == nullptr) continue;
      std::memset(at, static_cast<int>(seed), bytes);
      pieces.push_back({at, bytes});
    } else if (!pieces.empty()) {
      std::swap(pieces[random.below(pieces.size())], pieces.back());
      check(pieces.back());
      pieces.pop_back();
    }
  }
  for (const Piece& piece : pieces) check(piece);
  return wrong;
}

}  // namespace

TEST_CASE("threads that take pieces and give them back keep theirs while another gives pages back",
          "[cache][pieces]") {
  Pages range;
  PieceHeap heap(range);
  std::atomic<bool> done = false;
  std::atomic<size_t> wrong = 0;
  size_t discarded = 0;
  std::thread keeper([&] {
    while (!done) discarded += heap.discard_some();
    while (const size_t bytes = heap.discard_some()) discarded += bytes;
  });
  std::vector<std::thread> threads;
  for (uint64_t seed : {1, 2, 3}) threads.emplace_back([&, seed] { wrong += work(heap, seed); });
  for (std::thread& thread : threads) thread.join();
  done = true;
  keeper.join();
  CHECK(wrong == 0);
  CHECK(discarded > 0);
  CHECK(heap.holes() <= 4 * range.page_bytes());
  // Nothing was lost on its way back: all of it is one piece.
  CHECK(heap.take(range.size() / 32 * 31) != nullptr);
}
