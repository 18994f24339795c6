#include "origin/script.h"

#include <catch2/catch_test_macros.hpp>

#include "origin/self_verifying.h"
#include "origin/static_files.h"

using namespace perigee;
using namespace perigee::origin;
using namespace std::chrono_literals;

TEST_CASE("sizes and durations have units", "[origin]") {
  struct SizeCase {
    std::string_view text;
    std::optional<uint64_t> size;
  };
  const SizeCase sizes[] = {
      {"0", 0},
      {"1500", 1500},
      {"20MB", 20'000'000},
      {"64KiB", 65'536},
      {"1kB", 1000},
      {"2GiB", 2ull << 30},
      {"", std::nullopt},
      {"MB", std::nullopt},
      {"-1", std::nullopt},
      {"1.5MB", std::nullopt},
      {"5 MB", std::nullopt},
      {"99999999GB", std::nullopt},
  };
  for (const SizeCase& c : sizes) {
    INFO(c.text);
    CHECK(parse_size(c.text) == c.size);
  }
  struct DurationCase {
    std::string_view text;
    std::optional<Duration> duration;
  };
  const DurationCase durations[] = {
      {"5s", 5s},          {"200ms", 200ms},    {"10us", 10us},       {"0s", 0s},
      {"5", std::nullopt}, {"s", std::nullopt}, {"1h", std::nullopt}, {"-1s", std::nullopt},
  };
  for (const DurationCase& c : durations) {
    INFO(c.text);
    CHECK(parse_duration(c.text) == c.duration);
  }
}

TEST_CASE("a script that cannot be is refused with its parameter", "[origin]") {
  for (const std::string_view query :
       {"size=x", "status=100", "status=abc", "latency=5", "framing=gzip", "chunked=yes", "interim=100",
        "h=novalue", "h=bad%20name:1", "cc=a%0d%0ab", "id=%0a", "etag=a%20b", "lm=yesterday",
        "truncate=", "vary=a%3a"}) {
    const auto script = parse_script(Query(query));
    INFO(query);
    REQUIRE_FALSE(script.has_value());
    CHECK(script.error().side == Side::client);
    CHECK(script.error().context.starts_with(query.substr(0, query.find('=') + 1)));
  }
  CHECK(parse_script(Query("whatever=1&n=2")).has_value());
}

TEST_CASE("of a parameter given twice the last counts", "[origin]") {
  Query query("size=1&cc=a&vary=x");
  query.append(Query("size=2&cc=b&vary=y"));
  const auto script = parse_script(query);
  REQUIRE(script.has_value());
  CHECK(script->size == 2);
  CHECK(script->cache_control == "b");
  CHECK(script->vary == std::vector<std::string>{"y"});
}

TEST_CASE("paths that could leave the root are refused", "[origin]") {
  struct Case {
    std::string_view path;
    std::optional<std::string> safe;
  };
  const Case cases[] = {
      {"/", ""},
      {"/a", "a"},
      {"/a/", "a/"},
      {"/a/b.c", "a/b.c"},
      {"/a%20b", "a b"},
      {"/...", "..."},
      {"/a..b", "a..b"},
      {"", std::nullopt},
      {"a", std::nullopt},
      {"//a", std::nullopt},
      {"/a//b", std::nullopt},
      {"/.", std::nullopt},
      {"/..", std::nullopt},
      {"/a/../b", std::nullopt},
      {"/a/..", std::nullopt},
      {"/%2e%2E/b", std::nullopt},
      {"/a%2f..%2fb", std::nullopt},
      {"/a%00", std::nullopt},
      {"/%", std::nullopt},
      {"/%4", std::nullopt},
      {"/%4g", std::nullopt},
  };
  for (const Case& c : cases) {
    INFO(c.path);
    CHECK(safe_path(c.path) == c.safe);
  }
}

TEST_CASE("any part of a self-verifying body is the same bytes, and a change of one bit is seen",
          "[origin]") {
  const uint64_t seed = body_seed("/a", 1);
  std::string whole(1000, ' ');
  fill_body(seed, 0, whole);
  for (size_t first = 0; first < 40; ++first) {
    for (size_t size = 0; size < 40; ++size) {
      std::string part(size, ' ');
      fill_body(seed, first, part);
      CHECK(part == whole.substr(first, size));
      CHECK(verify_body(seed, first, part) == size);
    }
  }
  std::string changed = whole;
  changed[500] = static_cast<char>(changed[500] ^ 1);
  CHECK(verify_body(seed, 0, changed) == 500);
  CHECK(verify_body(body_seed("/a", 2), 0, whole) < 8);
  CHECK(verify_body(body_seed("/b", 1), 0, whole) < 8);
  CHECK(verify_body(seed, 1, whole) < 8);
}
