// Look-ups, pins, inserts, evictions, purges and refreshes at once, for the thread and address sanitizers to
// watch.
#include <catch2/catch_test_macros.hpp>
#include <thread>
#include <vector>

#include "edge/base/random.h"
#include "edge/cache/store.h"
#include "tests/unit/cache_rig.h"

using namespace perigee;
using namespace perigee::cache;
using namespace perigee::cache::rig;

namespace {

constexpr uint64_t keys = 400;

std::string key_name(uint64_t number) { return "http://h/" + std::to_string(number); }

// The head carries the seed of the body, so that a mixed-up answer shows.
bool proves_itself(const StoredResponse& response) {
  const uint64_t seed = std::stoull(std::string(response.head()));
  if (response.has_small_body()) return matches_pattern(response.small_body(), seed);
  const ReadAll all = read_all(*response.large_body());
  return all.end == Body::ReadState::end && all.bytes.size() == response.body_length() &&
         matches_pattern(all.bytes, seed);
}

class Worker {
 public:
  Worker(Store& store, uint64_t seed) : store_(store), reader_(store.add_reader()), random_(seed) {}

  void run(int turns) {
    for (int turn = 0; turn < turns; ++turn) {
      for (uint64_t i = random_.below(8); i > 0; --i) step();
      reader_.turn_end();
      while (pinned_.size() > 8) let_go();
    }
    while (!pinned_.empty()) let_go();
    reader_.turn_end();
  }
  int wrong() const { return wrong_; }
  int hits() const { return hits_; }

 private:
  void step() {
    const std::string key = key_name(random_.below(keys));
    const Lookup found = reader_.lookup(key_of(key), {});
    if (found.state == Lookup::State::hit) {
      ++hits_;
      if (found.response->key() != key || !proves_itself(*found.response)) ++wrong_;
      if (random_.below(4) == 0) pin(*found.response);
      if (random_.below(10) == 0) refresh(key, *found.response);
      if (random_.below(50) == 0) store_.purge(key_of(key));
      // Whatever happened to it, it is still there in this turn.
      if (!proves_itself(*found.response)) ++wrong_;
    } else {
      insert(key);
    }
    if (random_.below(20) == 0) look_from_outside(key);
  }
  void look_from_outside(const std::string& key) {
    for (const StoredResponse* stored : reader_.all(key_of(key))) {
      if (stored->key() != key || !proves_itself(*stored)) ++wrong_;
    }
  }
  void insert(const std::string& key) {
    const uint64_t seed = random_.below(1'000'000);
    const std::string head = std::to_string(seed);
    if (random_.below(10) == 0) {
      store_.begin(draft_of(key, head), complete_body(store_.budget(), seed, 70'000 + random_.below(50'000)))
          .commit();
    } else {
      store_.begin(draft_of(key, head), pattern(seed, 0, random_.below(6000))).commit();
    }
  }
  void refresh(const std::string& key, const StoredResponse& stored) {
    const std::string head(stored.head());
    store_.refresh(stored, draft_of(key, head));
  }
  void pin(const StoredResponse& response) {
    reader_.pin(response);
    pinned_.push_back(&response);
  }
  void let_go() {
    const size_t at = random_.below(pinned_.size());
    if (!proves_itself(*pinned_[at])) ++wrong_;
    reader_.unpin(*pinned_[at]);
    pinned_.erase(pinned_.begin() + static_cast<std::ptrdiff_t>(at));
  }

  Store& store_;
  Reader& reader_;
  Random random_;
  std::vector<const StoredResponse*> pinned_;
  int wrong_ = 0;
  int hits_ = 0;
};

}  // namespace

TEST_CASE("every answer is right and nothing leaks while workers read, pin, store, refresh, evict and purge",
          "[cache][store][threads]") {
  StoreOptions options;
  options.budget_bytes = 1 << 20;
  options.shards = 4;
  Store store(options);
  const uint64_t empty = store.budget().used();
  std::vector<std::unique_ptr<Worker>> workers;
  for (uint64_t i = 0; i < 4; ++i) workers.push_back(std::make_unique<Worker>(store, 100 + i));
  store.add_reader();  // a worker that is parked all the time
  std::vector<std::thread> threads;
  for (auto& worker : workers) threads.emplace_back([&worker] { worker->run(800); });
  // The control thread purges without being a reader.
  threads.emplace_back([&store] {
    Random random(1);
    for (int i = 0; i < 1000; ++i) store.purge(key_of(key_name(random.below(keys))));
  });
  for (std::thread& thread : threads) thread.join();
  for (const auto& worker : workers) {
    CHECK(worker->wrong() == 0);
    CHECK(worker->hits() > 200);
  }
  CHECK(store.stats().evictions > 100);
  CHECK(store.budget().used() <= store.budget().bytes_max());

  for (uint64_t i = 0; i < keys; ++i) store.purge(key_of(key_name(i)));
  CHECK(store.stats().responses == 0);
  // Nothing is left but the eviction queues and their ghosts.
  CHECK(store.budget().used() < empty + 64 * 1024);
}

TEST_CASE("a response replaced without pause is always found, whole, in one version or another",
          "[cache][store][threads]") {
  StoreOptions options;
  options.budget_bytes = 4 << 20;
  Store store(options);
  const std::string_view key = "http://h/one";
  store.begin(draft_of(key, "0"), pattern(0, 0, 3000)).commit();
  std::atomic<bool> stop{false};
  std::atomic<int> wrong{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < 2; ++i) {
    threads.emplace_back([&stop, &wrong, key, &reader = store.add_reader()] {
      while (!stop) {
        const Lookup found = reader.lookup(key_of(key), {});
        if (found.state != Lookup::State::hit || !proves_itself(*found.response)) ++wrong;
        reader.turn_end();
      }
    });
  }
  for (uint64_t version = 1; version < 2000; ++version) {
    store.begin(draft_of(key, std::to_string(version)), pattern(version, 0, 3000)).commit();
  }
  stop = true;
  for (std::thread& thread : threads) thread.join();
  CHECK(wrong == 0);
  CHECK(store.stats().responses == 1);
}
