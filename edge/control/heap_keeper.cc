#include "edge/control/heap_keeper.h"

#include <fcntl.h>
#include <malloc.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>

#include "edge/cache/store.h"

namespace perigee::control {

namespace {

constexpr auto look_every = std::chrono::milliseconds(100);
constexpr int rest_for_each_trim = 10;  // times what it took

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

bool worth_trimming(const HeapView& now, const LastTrim& last) {
  if (last.since_begin < last.took * rest_for_each_trim) return false;
  return beyond(now) > now.budget / 16 && beyond(now) > last.beyond + now.budget / 128;
}

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
  return {resident_bytes(), stats.bytes_used, stats.bytes_max};
}

void HeapKeeper::on_timer(net::Timer&) {
  if (BlockMemory* blocks = store_->budget().blocks()) {
    while (blocks->release()) {
    }
  }
  last_.since_begin = loop_.now() - began_;
  if (worth_trimming(view(), last_)) {
    using Clock = std::chrono::steady_clock;  // the loop's stands still during a turn
    began_ = loop_.now();
    const Clock::time_point before = Clock::now();
    malloc_trim(0);
    last_.took = Clock::now() - before;
    const HeapView after = view();
    last_.beyond = beyond(after);
    store_->set_lost(lost_bytes(after));
  }
  loop_.timers().arm(timer_, loop_.now() + look_every);
}

}  // namespace perigee::control
