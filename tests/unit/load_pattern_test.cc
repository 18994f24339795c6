#include <catch2/catch_test_macros.hpp>

#include "bench/load/pattern.h"

using perigee::load::Pattern;

TEST_CASE("a pattern gives each request its own text") {
  struct Row {
    std::string_view pattern;
    uint64_t number;
    std::string_view text;
  };
  const Row rows[] = {
      {"/plain", 7, "/plain"},         {"/f/{n}", 7, "/f/7"}, {"/f/{n%4}", 7, "/f/3"},
      {"lang: {a,b,c}", 7, "lang: b"}, {"{a,}x", 1, "x"},     {"{{n}", 7, "{n}"},
      {"{n}-{n%2}", 3, "3-1"},         {"{only}", 9, "only"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.pattern);
    const auto pattern = Pattern::parse(row.pattern);
    REQUIRE(pattern);
    std::string text;
    pattern->append(text, row.number);
    CHECK(text == row.text);
  }
}

TEST_CASE("a pattern without braces is the same for every request") {
  CHECK(Pattern::parse("/plain")->is_constant());
  CHECK(Pattern::parse("")->is_constant());
  CHECK_FALSE(Pattern::parse("/{n}")->is_constant());
}

TEST_CASE("a pattern that cannot be meant is refused") {
  for (const std::string_view text : {"/{n", "/{n%0}", "/{n%x}", "/{n%}"}) {
    CAPTURE(text);
    CHECK_FALSE(Pattern::parse(text));
  }
}
