#include <catch2/catch_test_macros.hpp>

#include "bench/load/histogram.h"

using perigee::load::Histogram;

TEST_CASE("a percentile is at most one percent off") {
  Histogram histogram;
  for (int64_t value = 1; value <= 100'000; ++value) histogram.add(value * 1000);
  CHECK(histogram.count() == 100'000);
  CHECK(histogram.largest() == 100'000'000);
  for (const double share : {0.01, 0.5, 0.9, 0.99, 0.999}) {
    CAPTURE(share);
    const double exact = share * 1e8;
    const double found = static_cast<double>(histogram.percentile(share));
    CHECK(found >= exact * 0.99);
    CHECK(found <= exact * 1.01 + 1000);
  }
}

TEST_CASE("small values and no values at all") {
  Histogram histogram;
  CHECK(histogram.percentile(0.5) == 0);
  histogram.add(-5);
  histogram.add(3);
  CHECK(histogram.percentile(0) == 0);
  CHECK(histogram.percentile(0.99) == 3);
}
