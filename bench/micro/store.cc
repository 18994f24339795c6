// What a look-up of a hot key costs, alone and beside another thread, and what a stored response costs in
// memory beyond its key, head and body.
//
//   bench-store [SECONDS_PER_MEASUREMENT]
//
// Look-up means: lookup and decide(), and with a pin: pin and unpin too; a turn ends every 16 look-ups, as in
// a busy loop. Threads are pinned to cores of their own. Memory is the slope of the resident size from half a
// million to a million stored responses of about 1 KiB (all remainders of malloc's steps in turn), so what is
// there from the start, such as the bucket array, is not in it; its share is printed apart. Ends with one
// JSON line.
#include <pthread.h>
#include <sched.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <thread>
#include <vector>

#include "edge/base/hash.h"
#include "edge/cache/policy.h"
#include "edge/cache/store.h"

using namespace perigee;
using namespace perigee::cache;

namespace {

constexpr size_t lookups_per_turn = 16;

// Of the response and of every decision.
constexpr WallTime now{std::chrono::milliseconds(1'700'000'000'000)};

KeyView key_of(std::string_view bytes) { return {bytes, hash64(bytes)}; }

Draft draft_of(std::string_view key, std::string_view head) {
  Draft draft;
  draft.key = key_of(key);
  draft.head = head;
  draft.meta.status = 200;
  draft.meta.freshness_lifetime = 3600;
  draft.meta.set_response_time(now);
  return draft;
}

void run_on_core(unsigned core) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(core % std::max(1u, std::thread::hardware_concurrency()), &set);
  pthread_setaffinity_np(pthread_self(), sizeof set, &set);
}

struct Work {
  bool pin = false;
};

double cpu_seconds() {
  timespec used{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &used);
  return static_cast<double>(used.tv_sec) + static_cast<double>(used.tv_nsec) * 1e-9;
}

void one_turn(Reader& reader, const KeyView& key, const Work& work) {
  const http::FieldList request;
  RequestPolicy policy;
  policy.cacheable_method = true;
  const PolicyOptions options;
  for (size_t i = 0; i < lookups_per_turn; ++i) {
    const Lookup found = reader.lookup(key, request);
    if (found.state != Lookup::State::hit) std::abort();
    const ResponseMeta meta = found.response->meta();
    const Decision decision = decide(policy, &meta, found.other_variants, now, options);
    if (decision.action != Decision::Action::serve) std::abort();
    if (work.pin) {
      reader.pin(*found.response);
      reader.unpin(*found.response);
    }
  }
  reader.turn_end();
}

// Look-ups per second of CPU time of the thread itself, so that a busy machine disturbs less.
double lookups_per_second(Reader& reader, const KeyView& key, const Work& work, double seconds) {
  constexpr int turns_between_glances = 4096;
  uint64_t lookups = 0;
  const double begin = cpu_seconds();
  double at = begin;
  while (at - begin < seconds) {
    for (int i = 0; i < turns_between_glances; ++i) one_turn(reader, key, work);
    lookups += turns_between_glances * lookups_per_turn;
    at = cpu_seconds();
  }
  return static_cast<double>(lookups) / (at - begin);
}

// The sum over the threads, one on each of the cores.
double measure(const std::vector<unsigned>& cores, const Work& work, double seconds) {
  Store store(StoreOptions{64ull << 20});
  const std::string key = "https://www.example.org/a/fairly/usual/path.js";
  store.begin(draft_of(key, "HTTP/1.1 200 OK\r\n"), std::string(1024, 'x')).commit();
  std::vector<double> rates(cores.size());
  std::vector<std::thread> running;
  for (size_t i = 0; i < cores.size(); ++i) {
    running.emplace_back([&, i, &reader = store.add_reader()] {
      run_on_core(cores[i]);
      rates[i] = lookups_per_second(reader, key_of(key), work, seconds);
    });
  }
  double sum = 0;
  for (size_t i = 0; i < cores.size(); ++i) {
    running[i].join();
    sum += rates[i];
  }
  return sum;
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

struct Scaling {
  double one = 0;  // look-ups per second of one thread
  double two = 0;  // those of two, times that
};

// In turn, and alone on either core, since what others do to one of them at some time is no property of ours.
Scaling measure_scaling(const Work& work, double seconds) {
  constexpr int rounds = 9;
  std::vector<double> alone;
  std::vector<double> ratios;
  for (int i = 0; i < rounds; ++i) {
    const double first = measure({0}, work, seconds);
    const double both = measure({0, 1}, work, seconds);
    alone.push_back((first + measure({1}, work, seconds)) / 2);
    ratios.push_back(both / alone.back());
  }
  return {median(alone), median(ratios)};
}

uint64_t resident_bytes() {
  uint64_t pages = 0;
  uint64_t resident = 0;
  if (FILE* file = std::fopen("/proc/self/statm", "r")) {
    if (std::fscanf(file, "%lu %lu", &pages, &resident) != 2) resident = 0;
    std::fclose(file);
  }
  return resident * static_cast<uint64_t>(sysconf(_SC_PAGESIZE));
}

struct Memory {
  double resident = 0;  // metadata per stored response
  double charged = 0;
  double buckets = 0;
};

Memory measure_memory() {
  constexpr int half = 500'000;
  Store store(StoreOptions{4ull << 30});
  const double bucket_bytes = static_cast<double>(store.stats().bytes_used);
  const std::string head(180, 'h');
  const std::string body(1024 + 16, 'b');
  uint64_t payload = 0;
  auto fill = [&](int from, int to) {
    for (int i = from; i < to; ++i) {
      const std::string key = "https://www.example.org/some/path/" + std::to_string(1'000'000 + i);
      const auto part = std::string_view(body).substr(0, 1024 + static_cast<size_t>(i % 16));
      store.begin(draft_of(key, head), part).commit();
      payload += key.size() + head.size() + part.size();
    }
  };
  fill(0, half);
  const uint64_t resident_before = resident_bytes();
  const uint64_t charged_before = store.stats().bytes_used;
  payload = 0;
  fill(half, 2 * half);
  const auto per_response = [&](uint64_t bytes) {
    return (static_cast<double>(bytes) - static_cast<double>(payload)) / half;
  };
  return {per_response(resident_bytes() - resident_before),
          per_response(store.stats().bytes_used - charged_before), bucket_bytes / (2.0 * half)};
}

}  // namespace

int main(int argc, char** argv) {
  const double seconds = argc > 1 ? std::atof(argv[1]) : 0.4;
  const Scaling plain = measure_scaling({}, seconds);
  const Scaling pinned = measure_scaling({true}, seconds);
  std::printf("hot key, 1 thread    %6.1f ns per look-up, %6.1f with a pin\n", 1e9 / plain.one,
              1e9 / pinned.one);
  std::printf("hot key, 2 threads   %5.2fx, %5.2fx with a pin\n", plain.two, pinned.two);
  const Memory memory = measure_memory();
  std::printf("metadata per stored response: %.1f bytes resident, %.1f charged; bucket array %.1f\n",
              memory.resident, memory.charged, memory.buckets);
  std::printf(
      "{\"bench\":\"store\",\"lookup_ns\":%.1f,\"lookup_pin_ns\":%.1f,\"two_threads\":%.2f,\"two_threads_"
      "pin\":%.2f,"
      "\"metadata_resident\":%.1f,\"metadata_charged\":%.1f}\n",
      1e9 / plain.one, 1e9 / pinned.one, plain.two, pinned.two, memory.resident, memory.charged);
}
