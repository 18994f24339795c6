#include "edge/control/heap_keeper.h"

#include <malloc.h>
#include <pthread.h>
#include <signal.h>
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

HeapKeeper::HeapKeeper(cache::Store& store) : store_(store), thread_([this] { run(); }) {}

HeapKeeper::~HeapKeeper() {
  {
    const std::lock_guard lock(mutex_);
    ended_ = true;
  }
  ended_changed_.notify_one();
  thread_.join();
}

void HeapKeeper::run() {
  using Clock = std::chrono::steady_clock;
  sigset_t all;
  sigfillset(&all);
  pthread_sigmask(SIG_BLOCK, &all, nullptr);
  const auto view = [&] {
    const cache::StoreStats stats = store_.stats();
    return HeapView{resident_bytes(), stats.bytes_used, stats.bytes_max};
  };
  LastTrim last;
  Clock::time_point began = Clock::now();
  std::unique_lock lock(mutex_);
  while (!ended_changed_.wait_for(lock, look_every, [&] { return ended_; })) {
    last.since_begin = Clock::now() - began;
    if (!worth_trimming(view(), last)) continue;
    began = Clock::now();
    malloc_trim(0);
    last.took = Clock::now() - began;
    const HeapView after = view();
    last.beyond = beyond(after);
    store_.set_lost(lost_bytes(after));
  }
}

}  // namespace perigee::control
