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
  for (int i = 0; i < 9; ++i) REQUIRE(keys.touch(key(1), ++requests, start) == Heat::cool);
  REQUIRE(keys.touch(key(1), ++requests, start) != Heat::cool);
  REQUIRE(keys.heat(key(1)) != Heat::cool);
  // Requests for others, counted or not, make its share smaller.
  requests += 40;
  REQUIRE(keys.touch(key(1), requests, start) == Heat::cool);
  REQUIRE(keys.heat(key(2)) == Heat::cool);
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
    REQUIRE(keys.heat(key(rank)) != Heat::cool);
  }
  for (size_t rank = 40; rank < 20'000; ++rank) {
    INFO(rank);
    REQUIRE(keys.heat(key(rank)) == Heat::cool);
  }
}

TEST_CASE("a key is spread only from a far larger share on than is worth a copy", "[cluster][hot]") {
  HotKeys keys;
  uint64_t requests = 0;
  // One request in 40 is for the first key, one in 20 for the second, one in 400 for the third.
  for (uint64_t i = 1; i <= 20'000; ++i) {
    uint64_t asked = 1'000 + i;
    if (i % 40 == 0) asked = 1;
    if (i % 20 == 1) asked = 2;
    if (i % 400 == 2) asked = 3;
    keys.touch(key(asked), ++requests, start);
  }
  REQUIRE(keys.heat(key(1)) == Heat::hot);
  REQUIRE(keys.heat(key(2)) == Heat::spread);
  REQUIRE(keys.heat(key(3)) == Heat::cool);
}

TEST_CASE("many different keys make none of them hot", "[cluster][hot]") {
  HotKeys keys({.requests_min = 2, .one_in = 1'000'000});
  size_t hot = 0;
  for (uint64_t i = 1; i <= 50'000; ++i) hot += keys.touch(key(i), i, start) == Heat::cool ? 0 : 1;
  REQUIRE(hot == 0);
}

TEST_CASE("what was hot cools down", "[cluster][hot]") {
  HotKeys keys({.requests_min = 10, .one_in = 4});
  uint64_t requests = 0;
  for (int i = 0; i < 40; ++i) keys.touch(key(1), ++requests, start);
  REQUIRE(keys.heat(key(1)) != Heat::cool);
  keys.touch(key(2), ++requests, start + seconds(11));
  REQUIRE(keys.heat(key(1)) != Heat::cool);
  keys.touch(key(2), ++requests, start + seconds(31));
  REQUIRE(keys.heat(key(1)) == Heat::cool);
  // A clock that has not been asked for long is no trouble.
  keys.touch(key(2), ++requests, start + seconds(1'000'000));
  REQUIRE(keys.heat(key(1)) == Heat::cool);
}

TEST_CASE("a key that was never asked for is not hot", "[cluster][hot]") {
  const HotKeys keys({.requests_min = 1, .one_in = 2});
  REQUIRE(keys.heat(0) == Heat::cool);
  REQUIRE(keys.heat(key(1)) == Heat::cool);
}

}  // namespace
}  // namespace perigee::cluster
