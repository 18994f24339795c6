// One fill read from several workers' threads at once, for the thread and address sanitizers to watch.
#include <catch2/catch_test_macros.hpp>
#include <condition_variable>
#include <mutex>
#include <thread>
#include <vector>

#include "edge/base/random.h"
#include "edge/cache/fill.h"
#include "tests/unit/cache_rig.h"

using namespace perigee;
using namespace perigee::cache;
using namespace perigee::cache::rig;
using ReadState = Body::ReadState;

namespace {

// A thread with a queue of wakes, as a loop would be.
class Loop final : public Waker {
 public:
  Loop() : fills(*this) {}
  void wake() override {
    const std::lock_guard lock(mutex_);
    woken_ = true;
    ready_.notify_one();
  }
  // Waits for the next wake and does what it asks.
  void turn() {
    {
      std::unique_lock lock(mutex_);
      ready_.wait(lock, [this] { return woken_; });
      woken_ = false;
    }
    fills.run();
  }
  void poll() {
    {
      const std::lock_guard lock(mutex_);
      if (!woken_) return;
      woken_ = false;
    }
    fills.run();
  }

  WorkerFills fills;

 private:
  std::mutex mutex_;
  std::condition_variable ready_;
  bool woken_ = false;
};

class Client final : public Follower {
 public:
  explicit Client(uint64_t seed) : seed_(seed) {}
  ~Client() override { leave(); }
  void on_fill_progress() override {
    for (;;) {
      const Body::Read read = fill->read(at);
      last = read.state;
      if (last != ReadState::bytes) break;
      if (!matches_pattern(read.bytes, seed_, at)) ++wrong;
      at += read.bytes.size();
    }
    if (give_up_at != 0 && at >= give_up_at) leave();
  }
  void leave() {
    if (fill) std::exchange(fill, nullptr)->leave(*this);
  }
  bool done() const {
    return fill == nullptr || last == ReadState::end || last == ReadState::failed ||
           last == ReadState::absent;
  }

  std::shared_ptr<Fill> fill;
  uint64_t at = 0;
  uint64_t give_up_at = 0;
  ReadState last = ReadState::wait;
  int wrong = 0;

 private:
  const uint64_t seed_;
};

class Source final : public FillSource {
 public:
  void pause() override { paused = true; }
  void resume() override { paused = false; }
  void cancel() override { cancelled = true; }
  bool paused = false;
  bool cancelled = false;
};

FillHead head_of(std::optional<uint64_t> length) {
  FillHead head;
  head.status = 200;
  head.lines = "HTTP/1.1 200 OK\r\n";
  head.storable = true;
  head.content_length = length;
  return head;
}

// Fetches `length` bytes into the fill from the loop that runs it.
void fetch(Loop& loop, const std::shared_ptr<Fill>& fill, Source& source, uint64_t seed, uint64_t length) {
  fill->set_source(&source);
  fill->head_arrived(head_of(length));
  for (uint64_t at = 0; at < length && !source.cancelled;) {
    loop.poll();
    while (source.paused && !source.cancelled) loop.turn();
    const size_t run = std::min<uint64_t>(16'000, length - at);
    fill->append(pattern(seed, at, run));
    at += run;
  }
  fill->finish();
}

}  // namespace

TEST_CASE("clients on every thread get every byte of a kept body, some leaving half-way",
          "[cache][fill][threads]") {
  constexpr uint64_t length = 2'000'000;
  Store store(StoreOptions{64 << 20});
  FillTable table(store, {});
  Loop loops[3];
  std::atomic<int> wrong{0};
  std::atomic<int> complete{0};
  std::vector<std::thread> threads;
  for (Loop& loop : loops) {
    threads.emplace_back([&] {
      std::vector<std::unique_ptr<Client>> clients;
      std::shared_ptr<Fill> led;
      for (int i = 0; i < 10; ++i) {
        clients.push_back(std::make_unique<Client>(1));
        FillTable::Joined joined = table.join(key_of("k"), loop.fills, *clients.back());
        clients.back()->fill = joined.fill;
        if (i % 3 == 2) clients.back()->give_up_at = length / 2;
        if (joined.leader) led = joined.fill;
      }
      Source source;
      if (led) fetch(loop, led, source, 1, length);
      auto all_done = [&] {
        for (const auto& client : clients) {
          if (!client->done()) return false;
        }
        return true;
      };
      while (!all_done()) loop.turn();
      for (const auto& client : clients) {
        wrong += client->wrong;
        if (client->last == ReadState::end && client->at == length) ++complete;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (Loop& loop : loops) loop.poll();
  CHECK(wrong == 0);
  CHECK(complete >= 21);
  CHECK(table.in_flight() == 0);
  CHECK(look(store.add_reader(), "k") == pattern(1, 0, length));
}

TEST_CASE("a windowed fill neither stalls nor lies, with clients on other threads",
          "[cache][fill][threads][window]") {
  constexpr uint64_t length = 6'000'000;
  FillLimits limits;
  limits.window_bytes = 512 * 1024;
  Store store(StoreOptions{16 << 20});
  FillTable table(store, limits);
  Loop home;
  Loop elsewhere[2];
  Client local(2);
  local.fill = table.join(key_of("k"), home.fills, local).fill;
  const std::shared_ptr<Fill> fill = local.fill;
  std::atomic<int> joined{0};
  std::atomic<int> wrong{0};
  std::atomic<int> complete{0};
  std::vector<std::thread> threads;
  for (Loop& loop : elsewhere) {
    threads.emplace_back([&] {
      Client client(2);
      client.fill = table.join(key_of("k"), loop.fills, client).fill;
      ++joined;
      while (!client.done()) loop.turn();
      wrong += client.wrong;
      if (client.at == length) ++complete;
      client.leave();
    });
  }
  while (joined != 2) std::this_thread::yield();
  local.give_up_at = length / 3;  // from then on only other threads pull
  Source source;
  fetch(home, fill, source, 2, length);
  for (std::thread& thread : threads) thread.join();
  home.poll();
  CHECK(wrong + local.wrong == 0);
  CHECK((complete >= 1 || source.cancelled));
  CHECK(table.in_flight() == 0);
}

TEST_CASE("a request that joins and then looks finds the fill or the stored response",
          "[cache][fill][threads]") {
  Store store(StoreOptions{16 << 20});
  FillTable table(store, {});
  std::atomic<int> fetched{0};
  std::atomic<int> wrong{0};
  constexpr int rounds = 300;
  constexpr int workers = 3;
  std::vector<std::thread> threads;
  for (int worker = 0; worker < workers; ++worker) {
    threads.emplace_back([&, &reader = store.add_reader()] {
      Loop loop;
      for (int round = 0; round < rounds; ++round) {
        const std::string key = "k" + std::to_string(round);
        Client client(3);
        const FillTable::Joined joined = table.join(key_of(key), loop.fills, client);
        client.fill = joined.fill;
        if (joined.leader && !has(reader, key)) {
          ++fetched;
          joined.fill->head_arrived(head_of(3000));
          joined.fill->append(pattern(3, 0, 3000));
          joined.fill->finish();
        } else if (joined.leader) {
          joined.fill->freshened(std::nullopt);  // stored meanwhile: followers look up again
        }
        while (!client.done() && client.fill->state() != Fill::State::freshened) loop.turn();
        wrong += client.wrong;
        client.leave();
      }
      // Nothing may be left that points to this loop.
      loop.poll();
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(wrong == 0);
  CHECK(fetched == rounds);
  Reader& reader = store.add_reader();
  for (int round = 0; round < rounds; ++round) CHECK(has(reader, "k" + std::to_string(round)));
}
