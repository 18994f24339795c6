// Messages between threads and loops of the libuv Io, for the thread and address sanitizers to watch.
#include <algorithm>
#include <catch2/catch_test_macros.hpp>
#include <future>
#include <memory>
#include <thread>
#include <vector>

#include "edge/net/uv_io.h"
#include "tests/unit/io_rig.h"

using namespace perigee;
using namespace perigee::net;

TEST_CASE("every loop is a thread of its own, and messages cross between them in order", "[net][uv]") {
  UvIo io;
  Loop& a = io.add_loop("a");
  Loop& b = io.add_loop("b");
  std::vector<int> order;
  std::thread::id thread_a, thread_b;
  std::promise<void> done;
  a.post(make_task([&] {
    thread_a = std::this_thread::get_id();
    for (int i = 0; i < 1000; ++i) b.post(make_task([&order, i] { order.push_back(i); }));
    b.post(make_task([&] {
      thread_b = std::this_thread::get_id();
      done.set_value();
    }));
  }));
  io.start();
  done.get_future().wait();
  CHECK(thread_a != thread_b);
  CHECK(thread_a != std::this_thread::get_id());
  REQUIRE(order.size() == 1000);
  CHECK(std::is_sorted(order.begin(), order.end()));
  io.stop();
  io.stop();
}

TEST_CASE("many threads may post to one loop", "[net][uv]") {
  UvRig rig;
  int sum = 0;
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 1000; ++i) rig.loop.post(make_task([&sum] { ++sum; }));
    });
  }
  for (auto& thread : threads) thread.join();
  REQUIRE(rig.until([&] { return sum == 4000; }));
}

TEST_CASE("a loop may be stopped while others still post to it, and every message is freed", "[net][uv]") {
  for (int round = 0; round < 20; ++round) {
    const auto alive = std::make_shared<int>();  // every message holds it
    {
      UvIo io;
      Loop& loop = io.add_loop("one");
      io.start();
      std::promise<void> ran;
      loop.post(make_task([&ran] { ran.set_value(); }));
      std::vector<std::thread> threads;
      for (int t = 0; t < 2; ++t) {
        threads.emplace_back([&loop, &alive] {
          for (int i = 0; i < 500; ++i) loop.post(make_task([held = alive] {}));
        });
      }
      ran.get_future().wait();
      io.stop();
      for (auto& thread : threads) thread.join();
    }
    REQUIRE(alive.use_count() == 1);
  }
}
