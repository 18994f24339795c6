#include "edge/proxy/hit_lines.h"

#include <catch2/catch_test_macros.hpp>
#include <limits>

#include "edge/proxy/answer_lines.h"

using namespace perigee;
using namespace perigee::proxy;

TEST_CASE("the lines of a hit are those that are written one by one elsewhere", "[proxy]") {
  for (const std::string& name : {std::string("edge"), std::string("a.b-c_1"), std::string(63, 'n')}) {
    HitLines lines(name);
    for (const int64_t age : {int64_t{-1}, int64_t{0}, int64_t{9}, int64_t{86400}, int64_t{1} << 31,
                              (int64_t{1} << 31) + 1, std::numeric_limits<int64_t>::max()}) {
      for (const int64_t ttl : {std::numeric_limits<int64_t>::min() / 2, int64_t{-7}, int64_t{0}, int64_t{59},
                                int64_t{2147483647}}) {
        AnswerOrigin origin;
        origin.hit = origin.has_ttl = true;
        origin.ttl = ttl;
        std::string expected;
        append_age(age, expected);
        append_via(name, expected);
        append_cache_status(name, origin, expected);
        CHECK(lines.of(age, ttl) == expected);
      }
    }
  }
}
