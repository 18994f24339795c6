#include "edge/serve/pace.h"

#include <catch2/catch_test_macros.hpp>

namespace perigee::test {
namespace {

using namespace std::chrono_literals;
using serve::Pace;

TEST_CASE("a pace is judged at the end of each period, by what has moved in it", "[serve]") {
  const MonoTime begin{};
  Pace pace(begin);
  CHECK(!pace.was_too_slow(begin + 9s, 10s));
  pace.moved(2559);
  CHECK(pace.was_too_slow(begin + 10s, 10s));
  pace.moved(2560);
  CHECK(!pace.was_too_slow(begin + 20s, 10s));
  // What moved before does not count for the next.
  CHECK(!pace.was_too_slow(begin + 29s, 10s));
  CHECK(pace.was_too_slow(begin + 30s, 10s));
}

TEST_CASE("a pace that begins anew forgets", "[serve]") {
  const MonoTime begin{};
  Pace pace(begin);
  pace.moved(10'000);
  pace.begin(begin + 5s);
  CHECK(!pace.was_too_slow(begin + 14s, 10s));
  CHECK(pace.was_too_slow(begin + 15s, 10s));
}

TEST_CASE("more that share a pace need more of it", "[serve]") {
  const MonoTime begin{};
  Pace pace(begin);
  pace.moved(5119);
  CHECK(pace.was_too_slow(begin + 10s, 10s, 2));
  pace.moved(5120);
  CHECK(!pace.was_too_slow(begin + 20s, 10s, 2));
}

}  // namespace
}  // namespace perigee::test
