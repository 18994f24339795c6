#include "edge/control/heap_keeper.h"

#include <fcntl.h>
#include <malloc.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>

#include "edge/cache/piece_heap.h"
#include "edge/cache/store.h"

namespace perigee::control {

namespace {

constexpr auto look_every = std::chrono::milliseconds(100);
constexpr int rest_for_each_trim = 10;  // times what it took
// 512 MiB a second, or 64,000 pages that lie alone.
constexpr auto discard_every = std::chrono::milliseconds(1);
constexpr int discards_per_turn = 64;
constexpr size_t discard_bytes_per_turn = 512 * 1024;

// Without stdio: a stream would allocate at each look, and a node that only serves hits allocates nothing.
uint64_t resident_bytes() {
  const int file = ::open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
  if (file < 0) return 0;
  std::array<char, 128> text;  // "size resident ..." in pages
  const ssize_t length = ::read(file, text.data(), text.size());
  ::close(file);
  if (length <= 0) return 0;
  const char* const begin = text.data();
  const char* const end = begin + length;
  const char* const resident = std::find(begin, end, ' ');
  uint64_t pages = 0;
  if (resident == end || std::from_chars(resident + 1, end, pages).ec != std::errc{}) return 0;
  return pages * static_cast<uint64_t>(sysconf(_SC_PAGESIZE));
}

uint64_t beyond(const HeapView& view) {
  return view.resident > view.charged ? view.resident - view.charged : 0;
}

}  // namespace

bool worth_looking(const HeapView& now, const LastTrim& last) {
  if (last.since_begin < last.took * rest_for_each_trim) return false;
  return beyond(now) > now.budget / 16 && beyond(now) > last.beyond + now.budget / 128;
}

bool worth_trimming(const HeapView& now) { return beyond(now) > now.holes + now.budget / 16; }

bool worth_discarding(const HeapView& now) { return now.holes > now.budget / 64; }

uint64_t lost_bytes(const HeapView& now) {
  const uint64_t tolerated = now.budget / 9;
  return beyond(now) > tolerated ? beyond(now) - tolerated : 0;
}

void HeapKeeper::keep(cache::Store& store) {
  loop_.post(net::make_task([this, &store] {
    store_ = &store;
    began_ = loop_.now();
    loop_.timers().arm(timer_, loop_.now() + look_every);
  }));
}

HeapView HeapKeeper::view() const {
  const cache::StoreStats stats = store_->stats();
  const cache::PieceHeap* pieces = store_->budget().pieces();
  return {resident_bytes(), stats.bytes_used, stats.bytes_max, pieces != nullptr ? pieces->holes() : 0};
}

// True when there is more to do.
bool HeapKeeper::discard_some() {
  cache::PieceHeap* pieces = store_->budget().pieces();
  if (pieces == nullptr) return false;
  const uint64_t budget = store_->budget().bytes_max();
  size_t bytes = 0;
  for (int i = 0; i < discards_per_turn && bytes < discard_bytes_per_turn; ++i) {
    if (!worth_discarding({0, 0, budget, pieces->holes()})) return false;
    const size_t discarded = pieces->discard_some();
    if (discarded == 0) return false;
    bytes += discarded;
  }
  return true;
}

void HeapKeeper::trim() {
  using Clock = std::chrono::steady_clock;  // the loop's stands still during a turn
  began_ = loop_.now();
  const Clock::time_point before = Clock::now();
  if (worth_trimming(view())) malloc_trim(0);
  last_.took = Clock::now() - before;
  const HeapView after = view();
  last_.beyond = beyond(after);
  store_->set_lost(lost_bytes(after));
}

void HeapKeeper::on_timer(net::Timer&) {
  if (BlockMemory* blocks = store_->budget().blocks()) {
    while (blocks->release()) {
    }
  }
  if (discard_some()) return loop_.timers().arm(timer_, loop_.now() + discard_every);
  last_.since_begin = loop_.now() - began_;
  if (worth_looking(view(), last_)) trim();
  loop_.timers().arm(timer_, loop_.now() + look_every);
}

}  // namespace perigee::control
