#include "edge/net/timer.h"

#include <catch2/catch_test_macros.hpp>
#include <functional>
#include <map>
#include <memory>
#include <vector>

#include "edge/base/random.h"

using namespace perigee;
using namespace perigee::net;
using namespace std::chrono_literals;

namespace {

constexpr MonoTime at(Duration since_start) { return MonoTime(since_start); }

// A timer that notes its number when it fires and then does what the test asks.
struct Probe final : TimerHandler {
  Probe(std::vector<int>& log_, int number_) : log(log_), number(number_) {}
  void on_timer(Timer&) override {
    log.push_back(number);
    if (then) then();
  }
  std::vector<int>& log;
  int number;
  std::function<void()> then;
  Timer timer{*this};
};

}  // namespace

TEST_CASE("timers fire in the order of their deadlines", "[net][timer]") {
  std::vector<int> log;
  TimerWheel wheel(at(0ms));
  Probe a(log, 30), b(log, 10), c(log, 20);
  wheel.arm(a.timer, at(30ms));
  wheel.arm(b.timer, at(10ms));
  wheel.arm(c.timer, at(20ms));
  wheel.advance(at(100ms));
  CHECK(log == std::vector<int>{10, 20, 30});
  CHECK_FALSE(a.timer.armed());
  CHECK_FALSE(wheel.next_deadline());
}

TEST_CASE("a timer never fires before its deadline, which is rounded up to a millisecond", "[net][timer]") {
  std::vector<int> log;
  TimerWheel wheel(at(0ms));
  Probe a(log, 1);
  wheel.arm(a.timer, at(5ms + 1us));
  wheel.advance(at(5ms + 900us));
  CHECK(log.empty());
  CHECK(wheel.next_deadline() == at(6ms));
  wheel.advance(at(6ms));
  CHECK(log.size() == 1);
}

TEST_CASE("a deadline in the past fires at the next advance without time passing", "[net][timer]") {
  std::vector<int> log;
  TimerWheel wheel(at(1000ms));
  Probe a(log, 1);
  wheel.arm(a.timer, at(3ms));
  CHECK(*wheel.next_deadline() <= at(1000ms));
  wheel.advance(at(1000ms));
  CHECK(log.size() == 1);
}

TEST_CASE("a handler may cancel a timer of the same millisecond", "[net][timer]") {
  std::vector<int> log;
  TimerWheel wheel(at(0ms));
  Probe a(log, 1), b(log, 1);
  a.then = [&] { b.timer.cancel(); };
  b.then = [&] { a.timer.cancel(); };
  wheel.arm(a.timer, at(5ms));
  wheel.arm(b.timer, at(5ms));
  wheel.advance(at(9ms));
  CHECK(log.size() == 1);
  CHECK_FALSE(wheel.next_deadline());
}

TEST_CASE("a handler may destroy its own timer and others", "[net][timer]") {
  std::vector<int> log;
  TimerWheel wheel(at(0ms));
  std::vector<std::unique_ptr<Probe>> probes;
  for (int i = 0; i < 4; ++i) probes.push_back(std::make_unique<Probe>(log, i));
  for (auto& probe : probes) {
    wheel.arm(probe->timer, at(5ms));
    // The closure dies with its probe, so what it needs is moved out first.
    probe->then = [&probes] {
      auto doomed = std::move(probes);
      probes.clear();
    };
  }
  wheel.advance(at(9ms));
  CHECK(log.size() == 1);
  CHECK_FALSE(wheel.next_deadline());
}

TEST_CASE("a timer re-armed in its handler fires again in the same advance if that is due", "[net][timer]") {
  std::vector<int> log;
  TimerWheel wheel(at(0ms));
  Probe a(log, 1);
  auto next = 10ms;
  a.then = [&] { wheel.arm(a.timer, at(next += 10ms)); };
  wheel.arm(a.timer, at(10ms));
  wheel.advance(at(45ms));
  CHECK(log.size() == 4);
  CHECK(wheel.next_deadline() == at(50ms));
}

TEST_CASE("a timer that re-arms itself for now does not keep advance from returning", "[net][timer]") {
  std::vector<int> log;
  TimerWheel wheel(at(0ms));
  Probe a(log, 1);
  a.then = [&] { wheel.arm(a.timer, at(10ms)); };
  wheel.arm(a.timer, at(10ms));
  wheel.advance(at(10ms));
  CHECK(log.size() == 1);
  wheel.advance(at(10ms));
  CHECK(log.size() == 2);
}

TEST_CASE("a handler that arms another timer for a passed millisecond sees it fire in the same advance",
          "[net][timer]") {
  std::vector<int> log;
  TimerWheel wheel(at(0ms));
  Probe a(log, 1), b(log, 2);
  a.then = [&] { wheel.arm(b.timer, at(1ms)); };
  wheel.arm(a.timer, at(10ms));
  wheel.advance(at(700ms));
  CHECK(log == std::vector<int>{1, 2});
}

TEST_CASE("far deadlines come down the levels and fire on their millisecond", "[net][timer]") {
  const Duration rows[] = {255ms, 256ms, 257ms, 65535ms, 65536ms, 70s, 4h, 5h, 24h * 49, 24h * 60, 24h * 400};
  for (Duration deadline : rows) {
    for (Duration start : {Duration(0ms), Duration(255ms), Duration(65535ms), Duration(123456789ms)}) {
      std::vector<int> log;
      TimerWheel wheel(at(start));
      Probe a(log, 1);
      wheel.arm(a.timer, at(start + deadline));
      int turns = 0;
      while (auto next = wheel.next_deadline()) {
        REQUIRE(*next <= at(start + deadline));
        if (*next == at(start + deadline)) {
          wheel.advance(*next - 1ns);
          REQUIRE(log.empty());
        }
        wheel.advance(*next);
        REQUIRE(++turns < 50);
      }
      CHECK(log.size() == 1);
    }
  }
}

TEST_CASE("arming again moves the deadline", "[net][timer]") {
  std::vector<int> log;
  TimerWheel wheel(at(0ms));
  Probe a(log, 1);
  wheel.arm(a.timer, at(10ms));
  wheel.arm(a.timer, at(500ms));
  wheel.advance(at(499ms));
  CHECK(log.empty());
  wheel.advance(at(500ms));
  CHECK(log.size() == 1);
}

TEST_CASE("a wheel that goes disarms what is left", "[net][timer]") {
  std::vector<int> log;
  Probe a(log, 1);
  {
    TimerWheel wheel(at(0ms));
    wheel.arm(a.timer, at(10h));
    CHECK(a.timer.armed());
  }
  CHECK_FALSE(a.timer.armed());
}

TEST_CASE("the wheel does what a sorted list does", "[net][timer]") {
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    Random random(seed);
    Duration now = std::chrono::milliseconds(random.below(1u << 20));
    TimerWheel wheel(at(now));
    std::vector<int> log;
    std::vector<std::unique_ptr<Probe>> probes;
    for (int i = 0; i < 50; ++i) probes.push_back(std::make_unique<Probe>(log, i));
    std::multimap<Duration, int> model;
    auto forget = [&](int i) { std::erase_if(model, [i](const auto& row) { return row.second == i; }); };

    for (int step = 0; step < 2000; ++step) {
      int i = static_cast<int>(random.below(50));
      if (random.chance(0.6)) {
        Duration deadline = now + std::chrono::milliseconds(random.below(uint64_t{1} << random.below(34)));
        wheel.arm(probes[i]->timer, at(deadline));
        forget(i);
        model.emplace(deadline, i);
      } else if (random.chance(0.3)) {
        probes[i]->timer.cancel();
        forget(i);
      } else {
        now += std::chrono::milliseconds(random.below(uint64_t{1} << random.below(30)));
        log.clear();
        wheel.advance(at(now));
        std::vector<std::pair<Duration, int>> fired;
        for (int number : log) {
          for (const auto& row : model) {
            if (row.second == number) fired.push_back(row);
          }
        }
        REQUIRE(
            std::is_sorted(fired.begin(), fired.end(), [](auto& a, auto& b) { return a.first < b.first; }));
        auto due = model.upper_bound(now);
        REQUIRE(fired.size() == static_cast<size_t>(std::distance(model.begin(), due)));
        REQUIRE(fired.size() == log.size());
        model.erase(model.begin(), due);
      }
      auto next = wheel.next_deadline();
      REQUIRE(next.has_value() == !model.empty());
      if (next) REQUIRE(*next <= at(model.begin()->first));
    }
  }
}
