#include "edge/cluster/hot_keys.h"

#include <catch2/catch_test_macros.hpp>
#include <set>

#include "edge/base/hash.h"
#include "edge/base/random.h"

namespace perigee::cluster {
namespace {

using std::chrono::seconds;

constexpr MonoTime start{seconds(1000)};

uint64_t key(uint64_t i) { return hash64(std::string_view(reinterpret_cast<const char*>(&i), sizeof i)); }

TEST_CASE("a key is hot from its share and its number of requests on", "[cluster][hot]") {
  HotKeys keys({.requests_min = 10, .one_in = 4});
  uint64_t requests = 0;
  for (int i = 0; i < 9; ++i) REQUIRE(!keys.touch(key(1), ++requests, start));
  REQUIRE(keys.touch(key(1), ++requests, start));
  REQUIRE(keys.is_hot(key(1)));
  // Requests for others, counted or not, make its share smaller.
  requests += 40;
  REQUIRE(!keys.touch(key(1), requests, start));
  REQUIRE(!keys.is_hot(key(2)));
}

TEST_CASE("among Zipf traffic the few hot keys are found, and no others", "[cluster][hot]") {
  HotKeys keys({.requests_min = 32, .one_in = 256});
  Random random(5);
  // Weights 1/rank over 20,000 keys: harmonic number about 10.5, so rank 24 has one request in 252.
  std::vector<double> sums;
  double sum = 0;
  for (int rank = 1; rank <= 20'000; ++rank) sums.push_back(sum += 1.0 / rank);
  std::vector<uint32_t> counts(20'000);
  for (uint64_t i = 1; i <= 100'000; ++i) {
    const auto rank =
        static_cast<size_t>(std::lower_bound(sums.begin(), sums.end(), random.unit() * sum) - sums.begin());
    ++counts[rank];
    keys.touch(key(rank), i, start);
  }
  for (size_t rank = 0; rank < 16; ++rank) {
    INFO(rank);
    REQUIRE(keys.is_hot(key(rank)));
  }
  for (size_t rank = 40; rank < 20'000; ++rank) {
    INFO(rank);
    REQUIRE(!keys.is_hot(key(rank)));
  }
}

TEST_CASE("many different keys make none of them hot", "[cluster][hot]") {
  HotKeys keys({.requests_min = 2, .one_in = 1'000'000});
  size_t hot = 0;
  for (uint64_t i = 1; i <= 50'000; ++i) hot += keys.touch(key(i), i, start) ? 1 : 0;
  REQUIRE(hot == 0);
}

TEST_CASE("what was hot cools down", "[cluster][hot]") {
  HotKeys keys({.requests_min = 10, .one_in = 4});
  uint64_t requests = 0;
  for (int i = 0; i < 40; ++i) keys.touch(key(1), ++requests, start);
  REQUIRE(keys.is_hot(key(1)));
  keys.touch(key(2), ++requests, start + seconds(11));
  REQUIRE(keys.is_hot(key(1)));
  keys.touch(key(2), ++requests, start + seconds(31));
  REQUIRE(!keys.is_hot(key(1)));
  // A clock that has not been asked for long is no trouble.
  keys.touch(key(2), ++requests, start + seconds(1'000'000));
  REQUIRE(!keys.is_hot(key(1)));
}

TEST_CASE("a key that was never asked for is not hot", "[cluster][hot]") {
  const HotKeys keys({.requests_min = 1, .one_in = 2});
  REQUIRE(!keys.is_hot(0));
  REQUIRE(!keys.is_hot(key(1)));
}

}  // namespace
}  // namespace perigee::cluster
