#include "edge/http/range.h"

#include <catch2/catch_test_macros.hpp>
#include <random>

using namespace perigee::http;

namespace {

// The ranges that come of it as text: "0-1 5-9", "416", "too many", or "ignored".
std::string resolved(std::string_view value, uint64_t length, const RangeLimits& limits = {16, 0}) {
  const auto specs = parse_range(value);
  if (!specs) return "ignored";
  const ResolvedRanges ranges = resolve_ranges(*specs, length, limits);
  if (ranges.outcome == ResolvedRanges::Outcome::unsatisfiable) return "416";
  if (ranges.outcome == ResolvedRanges::Outcome::too_many) return "too many";
  std::string text;
  for (const ByteRange& range : ranges.ranges) {
    text += (text.empty() ? "" : " ") + std::to_string(range.first) + "-" + std::to_string(range.last);
  }
  return text;
}

std::string round_trip(std::string_view value) {
  const auto parsed = parse_content_range(value);
  if (!parsed) return "refused";
  char out[content_range_bytes];
  return std::string(format_content_range(*parsed, out));
}

}  // namespace

TEST_CASE("ranges resolve against the length", "[range]") {
  CHECK(resolved("bytes=0-4", 10) == "0-4");
  CHECK(resolved("Bytes=0-4", 10) == "0-4");
  CHECK(resolved("bytes=5-", 10) == "5-9");
  CHECK(resolved("bytes=-3", 10) == "7-9");
  CHECK(resolved("bytes=-30", 10) == "0-9");
  CHECK(resolved("bytes=0-99", 10) == "0-9");
  CHECK(resolved("bytes=9-9", 10) == "9-9");
  CHECK(resolved("bytes=0-99999999999999999999999", 10) == "0-9");
  CHECK(resolved("bytes=7-8, 0-1", 10) == "7-8 0-1");
  CHECK(resolved("bytes= 0-1 ,, -1", 10) == "0-1 9-9");
  CHECK(resolved("bytes=20-30, 0-1", 10) == "0-1");
}

TEST_CASE("what begins beyond the end is unsatisfiable", "[range]") {
  CHECK(resolved("bytes=10-", 10) == "416");
  CHECK(resolved("bytes=10-20, 30-", 10) == "416");
  CHECK(resolved("bytes=-0", 10) == "416");
  CHECK(resolved("bytes=0-", 0) == "416");
  CHECK(resolved("bytes=-1", 0) == "416");
  CHECK(resolved("bytes=99999999999999999999999-", 10) == "416");
}

TEST_CASE("a malformed Range or another unit is ignored", "[range]") {
  for (const char* value :
       {"", "bytes", "bytes=", "bytes=,", "bytes=-", "bytes=5", "bytes=4-2", "bytes=a-b", "bytes=0-1,x",
        "bytes=0--1", "bytes=0-1-2", "bytes=+0-1", "bytes=0 -1", "items=0-1", "0-1", "bytes =0-1"}) {
    INFO(value);
    CHECK(resolved(value, 10) == "ignored");
  }
  std::string many = "bytes=0-0";
  for (size_t i = 0; i < range_specs_max; ++i) many += ",0-0";
  CHECK(resolved(many, 10) == "ignored");
}

TEST_CASE("ranges that overlap or lie close are merged, in ascending order", "[range]") {
  CHECK(resolved("bytes=5-9, 0-5", 100) == "0-9");
  CHECK(resolved("bytes=0-9, 2-3", 100) == "0-9");
  CHECK(resolved("bytes=0-1, 2-3", 100) == "0-1 2-3");
  CHECK(resolved("bytes=0-1, 2-3", 100, {16, 1}) == "0-3");
  CHECK(resolved("bytes=0-1, 12-13", 100, {16, 10}) == "0-1 12-13");
  CHECK(resolved("bytes=0-1, 12-13", 100, {16, 11}) == "0-13");
  CHECK(resolved("bytes=0-0, 65536-65536, 140000-140000", 200000, {}) == "0-65536 140000-140000");
}

TEST_CASE("more ranges than the limit are too many, unless merging helps", "[range]") {
  std::string wide = "bytes=0-0";
  std::string close = "bytes=0-0";
  for (int i = 1; i <= 16; ++i) {
    wide += "," + std::to_string(i * 200000) + "-" + std::to_string(i * 200000);
    close += "," + std::to_string(i * 2) + "-" + std::to_string(i * 2);
  }
  CHECK(resolved(wide, 10000000, {}) == "too many");
  CHECK(resolved(close, 10000000, {}) == "0-32");
}

TEST_CASE("resolved ranges lie within the length, cover what was asked for and do not overlap", "[range]") {
  std::mt19937 random(7233);
  for (int i = 0; i < 5000; ++i) {
    const uint64_t length = random() % 300;
    std::vector<RangeSpec> specs;
    std::vector<bool> wanted(length, false);
    for (size_t n = 1 + random() % 5; n > 0; --n) {
      const uint64_t first = random() % 320;
      RangeSpec spec{first, first + random() % 60};
      if (random() % 4 == 0) spec.last.reset();
      if (random() % 4 == 0) spec = {std::nullopt, random() % 400};
      specs.push_back(spec);
      const uint64_t begin = spec.first ? *spec.first : length - std::min(length, *spec.last);
      const uint64_t end = spec.first ? spec.last.value_or(length) + 1 : length;
      for (uint64_t at = begin; at < std::min(end, length); ++at) wanted[at] = true;
    }
    const ResolvedRanges result = resolve_ranges(specs, length, {16, random() % 20});
    std::vector<int> covered(length, 0);
    for (const ByteRange& range : result.ranges) {
      REQUIRE(range.first <= range.last);
      REQUIRE(range.last < length);
      for (uint64_t at = range.first; at <= range.last; ++at) ++covered[at];
    }
    bool right = true;
    for (uint64_t at = 0; at < length; ++at) right = right && covered[at] <= 1 && covered[at] >= wanted[at];
    REQUIRE(right);
  }
}

TEST_CASE("Content-Range is read and written", "[range]") {
  CHECK(round_trip("bytes 0-4/10") == "bytes 0-4/10");
  CHECK(round_trip("bytes 0-4/*") == "bytes 0-4/*");
  CHECK(round_trip("BYTES */10") == "bytes */10");
  CHECK(round_trip("bytes 18446744073709551613-18446744073709551614/18446744073709551615").size() == 68);
  for (const char* value : {"", "bytes", "bytes ", "bytes 0-4", "bytes 4-0/10", "bytes 0-10/10", "bytes */*",
                            "bytes 0-/10", "bytes -4/10", "bytes  0-4/10", "bytes=0-4/10", "items 0-4/10",
                            "bytes 0-4/x", "bytes 0-99999999999999999999/*"}) {
    INFO(value);
    CHECK(round_trip(value) == "refused");
  }
}
