#include "edge/control/heap_keeper.h"

#include <catch2/catch_test_macros.hpp>

#include "edge/cache/store.h"

using namespace std::chrono_literals;

namespace perigee::control {
namespace {

constexpr uint64_t mib = 1 << 20;

TEST_CASE(
    "memory beyond the budget is looked at when it is worth it, has grown, and the last time is long enough "
    "ago",
    "[control][heap]") {
  struct Case {
    const char* what;
    HeapView now;
    LastTrim last;
    bool expected;
  };
  const Case cases[] = {
      {"an empty store", {12 * mib, 0, 256 * mib}, {}, false},
      {"a sixteenth", {116 * mib, 100 * mib, 256 * mib}, {}, false},
      {"more than a sixteenth", {117 * mib, 100 * mib, 256 * mib}, {}, true},
      {"nothing was known of the process", {0, 100 * mib, 256 * mib}, {}, false},
      {"as much as the last trim left", {130 * mib, 100 * mib, 256 * mib}, {28 * mib, 60s, 10ms}, false},
      {"more than it left", {133 * mib, 100 * mib, 256 * mib}, {28 * mib, 60s, 10ms}, true},
      {"a long one, a short while ago", {190 * mib, 100 * mib, 256 * mib}, {28 * mib, 900ms, 100ms}, false},
      {"a long one, long enough ago", {190 * mib, 100 * mib, 256 * mib}, {28 * mib, 1s, 100ms}, true},
  };
  for (const Case& each : cases) {
    INFO(each.what);
    CHECK(worth_looking(each.now, each.last) == each.expected);
  }
}

TEST_CASE("malloc's heap is trimmed for its own holes, not for those of the pieces", "[control][heap]") {
  CHECK_FALSE(worth_trimming({116 * mib, 100 * mib, 256 * mib, 0}));
  CHECK(worth_trimming({117 * mib, 100 * mib, 256 * mib, 0}));
  CHECK_FALSE(worth_trimming({200 * mib, 100 * mib, 256 * mib, 84 * mib}));
  CHECK(worth_trimming({201 * mib, 100 * mib, 256 * mib, 84 * mib}));
}

TEST_CASE("holes of the pieces are given back beyond a 64th of the budget", "[control][heap]") {
  CHECK_FALSE(worth_discarding({200 * mib, 100 * mib, 256 * mib, 4 * mib}));
  CHECK(worth_discarding({200 * mib, 100 * mib, 256 * mib, 4 * mib + 1}));
}

TEST_CASE("what is held beyond a ninth of the budget is lost to the store, which evicts down to the rest",
          "[control][heap]") {
  CHECK(lost_bytes({80 * mib, 100 * mib, 200 * mib}) == 0);
  CHECK(lost_bytes({120 * mib, 100 * mib, 180 * mib}) == 0);
  CHECK(lost_bytes({150 * mib, 100 * mib, 180 * mib}) == 30 * mib);

  cache::Store store({.budget_bytes = 8 * mib, .shards = 1});
  const std::string body(32 * 1024, 'x');
  for (int i = 0; store.stats().evictions == 0; ++i) {
    const std::string bytes = "key" + std::to_string(i);
    cache::Draft draft;
    draft.key = {bytes, static_cast<uint64_t>(i) * 0x9e3779b97f4a7c15};
    store.begin(draft, body).commit();
  }
  CHECK(store.stats().bytes_used > 7 * mib);
  store.set_lost(mib / 2);
  CHECK(store.stats().bytes_used <= 8 * mib - mib / 2);
  store.set_lost(100 * mib);  // never more than an eighth
  CHECK(store.stats().bytes_used <= 7 * mib);
  CHECK(store.stats().bytes_used > 6 * mib);
}

}  // namespace
}  // namespace perigee::control
