#include "edge/http/conditional.h"

#include <catch2/catch_test_macros.hpp>

#include "tests/unit/policy_builder.h"

using namespace perigee::http;
using namespace perigee::test;

namespace {

constexpr std::string_view seven = "Fri, 07 Jun 2024 07:00:00 GMT";
constexpr std::string_view eight = "Fri, 07 Jun 2024 08:00:00 GMT";
constexpr std::string_view nine = "Fri, 07 Jun 2024 09:00:00 GMT";

int evaluate(Rows request, const Validators& validators, Evaluator evaluator = Evaluator::cache,
             Method method = Method::get) {
  switch (evaluate_conditions(request_of(request, method), validators, evaluator, 1717761600)) {
    case Precondition::proceed:
      return 200;
    case Precondition::not_modified:
      return 304;
    case Precondition::failed:
      return 412;
  }
  return 0;
}

}  // namespace

TEST_CASE("entity-tags are parsed strictly", "[conditional]") {
  CHECK(parse_entity_tag("\"a\"")->opaque == "a");
  CHECK(parse_entity_tag("W/\"a\"")->weak);
  CHECK(parse_entity_tag("\"\"")->opaque == "");
  CHECK(parse_entity_tag("\"a,\\b\"")->opaque == "a,\\b");
  for (const char* text :
       {"", "a", "\"a", "a\"", "w/\"a\"", "W\"a\"", "W/a", "\"a\"b", "\"a\" ", "\"a b\"", "'a'"}) {
    INFO(text);
    CHECK_FALSE(parse_entity_tag(text).has_value());
  }
}

TEST_CASE("If-None-Match compares weakly and outweighs If-Modified-Since", "[conditional]") {
  const Validators strong{"\"a\"", eight, nine};
  const Validators weak{"W/\"a\"", "", ""};
  CHECK(evaluate({{"If-None-Match", "\"a\""}}, strong) == 304);
  CHECK(evaluate({{"If-None-Match", "W/\"a\""}}, strong) == 304);
  CHECK(evaluate({{"If-None-Match", "\"a\""}}, weak) == 304);
  CHECK(evaluate({{"If-None-Match", "\"x\", \"a\" , \"y\""}}, strong) == 304);
  CHECK(evaluate({{"If-None-Match", "\"x\""}, {"If-None-Match", "\"a\""}}, strong) == 304);
  CHECK(evaluate({{"If-None-Match", ", ,\"x,\",\"a\""}}, strong) == 304);
  CHECK(evaluate({{"If-None-Match", "*"}}, strong) == 304);
  CHECK(evaluate({{"If-None-Match", "*"}}, {}) == 304);
  CHECK(evaluate({{"If-None-Match", "\"b\""}}, strong) == 200);
  CHECK(evaluate({{"If-None-Match", "\"b\""}, {"If-Modified-Since", nine}}, strong) == 200);
  CHECK(evaluate({{"If-None-Match", "\"a\""}, {"If-Modified-Since", seven}}, strong) == 304);
  CHECK(evaluate({{"If-None-Match", "\"x\" junk, \"a\""}}, strong) == 200);
  CHECK(evaluate({{"If-None-Match", "a"}}, strong) == 200);
  CHECK(evaluate({{"If-None-Match", "a"}}, {"a", "", ""}) == 304);
  CHECK(evaluate({{"If-None-Match", "\"a\""}}, {}) == 200);
  CHECK(evaluate({{"If-None-Match", "\"a\""}}, strong, Evaluator::origin, Method::put) == 412);
  CHECK(evaluate({{"If-None-Match", "\"a\""}}, strong, Evaluator::cache, Method::head) == 304);
}

TEST_CASE("If-Modified-Since compares with Last-Modified, else with Date", "[conditional]") {
  const Validators stored{"", eight, nine};
  CHECK(evaluate({{"If-Modified-Since", eight}}, stored) == 304);
  CHECK(evaluate({{"If-Modified-Since", nine}}, stored) == 304);
  CHECK(evaluate({{"If-Modified-Since", seven}}, stored) == 200);
  CHECK(evaluate({{"If-Modified-Since", "Friday, 07-Jun-24 08:00:00 GMT"}}, stored) == 304);
  CHECK(evaluate({{"If-Modified-Since", "whenever"}}, stored) == 200);
  CHECK(evaluate({{"If-Modified-Since", nine}, {"If-Modified-Since", nine}}, stored) == 200);
  CHECK(evaluate({{"If-Modified-Since", nine}}, {"", "", nine}) == 304);
  CHECK(evaluate({{"If-Modified-Since", eight}}, {"", "", nine}) == 200);
  CHECK(evaluate({{"If-Modified-Since", nine}}, {}) == 200);
  CHECK(evaluate({{"If-Modified-Since", nine}}, stored, Evaluator::origin, Method::post) == 200);
}

TEST_CASE("an origin heeds If-Match and If-Unmodified-Since, a cache does not", "[conditional]") {
  const Validators stored{"\"a\"", eight, nine};
  CHECK(evaluate({{"If-Match", "\"b\""}}, stored) == 200);
  CHECK(evaluate({{"If-Unmodified-Since", seven}}, stored) == 200);
  CHECK(evaluate({{"If-Match", "\"b\""}}, stored, Evaluator::origin) == 412);
  CHECK(evaluate({{"If-Match", "\"b\", \"a\""}}, stored, Evaluator::origin) == 200);
  CHECK(evaluate({{"If-Match", "*"}}, stored, Evaluator::origin) == 200);
  CHECK(evaluate({{"If-Match", "W/\"a\""}}, stored, Evaluator::origin) == 412);
  CHECK(evaluate({{"If-Match", "\"a\""}}, {"W/\"a\"", "", ""}, Evaluator::origin) == 412);
  CHECK(evaluate({{"If-Match", "\"a\""}, {"If-Unmodified-Since", seven}}, stored, Evaluator::origin) == 200);
  CHECK(evaluate({{"If-Match", "\"a\""}, {"If-None-Match", "\"a\""}}, stored, Evaluator::origin) == 304);
  CHECK(evaluate({{"If-Unmodified-Since", seven}}, stored, Evaluator::origin) == 412);
  CHECK(evaluate({{"If-Unmodified-Since", eight}}, stored, Evaluator::origin) == 200);
  CHECK(evaluate({{"If-Unmodified-Since", "whenever"}}, stored, Evaluator::origin) == 200);
}

TEST_CASE("If-Range wants the strong validator", "[conditional]") {
  const auto matches = [](Rows request, const Validators& stored) {
    return if_range_matches(request_of(request), stored, 1717761600);
  };
  const Validators stored{"\"a\"", eight, nine};
  CHECK(matches({}, stored));
  CHECK(matches({{"If-Range", "\"a\""}}, stored));
  CHECK(matches({{"If-Range", eight}}, stored));
  CHECK_FALSE(matches({{"If-Range", "\"b\""}}, stored));
  CHECK_FALSE(matches({{"If-Range", "W/\"a\""}}, stored));
  CHECK_FALSE(matches({{"If-Range", "\"a\""}}, {"W/\"a\"", "", ""}));
  CHECK_FALSE(matches({{"If-Range", seven}}, stored));
  CHECK_FALSE(matches({{"If-Range", nine}}, stored));
  CHECK_FALSE(matches({{"If-Range", eight}}, {"", eight, eight}));
  CHECK_FALSE(matches({{"If-Range", eight}}, {"", eight, ""}));
  CHECK_FALSE(matches({{"If-Range", "nonsense"}}, stored));
  CHECK_FALSE(matches({{"If-Range", "\"a\""}, {"If-Range", "\"a\""}}, stored));
}
