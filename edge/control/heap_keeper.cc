#include "edge/control/heap_keeper.h"

#include <malloc.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>

#include "edge/cache/store.h"

namespace perigee::control {

namespace {

constexpr auto look_every = std::chrono::milliseconds(100);
constexpr int rest_for_each_trim = 10;  // times what it took

uint64_t resident_bytes() {
  std::FILE* file = std::fopen("/proc/self/statm", "re");
  if (file == nullptr) return 0;
  unsigned long long size = 0;
  unsigned long long resident = 0;
  const int read = std::fscanf(file, "%llu %llu", &size, &resident);
  std::fclose(file);
  return read == 2 ? resident * static_cast<uint64_t>(sysconf(_SC_PAGESIZE)) : 0;
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
