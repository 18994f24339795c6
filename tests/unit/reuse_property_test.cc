// What is true of every decision about reuse, over random requests, responses and times from fixed seeds.
// What is expected is known from how each case was made, not from what the code under test read in it.
#include <catch2/catch_test_macros.hpp>

#include "edge/base/bytes.h"
#include "edge/base/random.h"
#include "tests/unit/policy_builder.h"

using namespace perigee;
using namespace perigee::cache;
using namespace perigee::test;

namespace {

// A response as it was made up, and what it means.
struct MadeResponse {
  std::string control;
  std::string targeted;
  std::string age_text;
  bool forbids_stale = false;
  bool no_cache = false;
  bool has_etag = false;
  int64_t lifetime = 0;
  int64_t age = 0;
};

std::string any_case(Random& random, std::string text) {
  for (char& c : text) {
    if (c >= 'a' && c <= 'z' && random.chance(0.3)) c = static_cast<char>(c - 0x20);
  }
  return text;
}

void add(std::string& list, const std::string& directive) {
  if (!list.empty()) list += ", ";
  list += directive;
}

MadeResponse make_response(Random& random) {
  MadeResponse made;
  std::string directives;
  const auto seconds = [&] { return static_cast<int64_t>(random.below(100)); };
  made.lifetime = seconds();
  add(directives, "max-age=" + std::to_string(made.lifetime));
  for (const char* name : {"must-revalidate", "proxy-revalidate"}) {
    if (!random.chance(0.15)) continue;
    made.forbids_stale = true;
    add(directives, any_case(random, name));
  }
  if (random.chance(0.2)) {
    made.lifetime = seconds();
    made.forbids_stale = true;
    add(directives, "s-maxage=" + std::to_string(made.lifetime));
  }
  if (random.chance(0.15)) {
    made.no_cache = true;
    add(directives, any_case(random, "no-cache"));
  }
  if (random.chance(0.5)) add(directives, "stale-while-revalidate=" + std::to_string(seconds()));
  if (random.chance(0.5)) add(directives, "stale-if-error=" + std::to_string(seconds()));
  if (random.chance(0.3)) add(directives, "public, immutable");
  made.has_etag = random.chance(0.7);
  if (random.chance(0.5)) {
    made.age = seconds() / 4;
    made.age_text = std::to_string(made.age);
  }
  // A targeted field decides alone; what Cache-Control says beside it is noise.
  if (random.chance(0.3)) {
    made.targeted = directives;
    for (char& c : made.targeted) c = to_lower(c);
    made.control = random.chance(0.5) ? "max-age=1000, stale-while-revalidate=1000" : "must-revalidate";
  } else {
    made.control = directives;
  }
  return made;
}

ResponseMeta meta_of(const MadeResponse& made) {
  http::ResponseHead response = response_of(200, {});
  response.fields.add("Cache-Control", made.control);
  if (!made.targeted.empty()) response.fields.add("CDN-Cache-Control", made.targeted);
  if (!made.age_text.empty()) response.fields.add("Age", made.age_text);
  if (made.has_etag) response.fields.add("ETag", "\"1\"");
  return judge(request_of({}), response).meta;
}

struct MadeRequest {
  std::string control;
  bool no_cache = false;
  bool only_if_cached = false;
  std::optional<int64_t> max_age;
  std::optional<int64_t> max_stale;
  std::optional<int64_t> min_fresh;
};

MadeRequest make_request(Random& random) {
  MadeRequest made;
  const auto maybe = [&](const char* name, std::optional<int64_t>& value) {
    if (!random.chance(0.25)) return;
    value = static_cast<int64_t>(random.below(100));
    add(made.control, any_case(random, name) + "=" + std::to_string(*value));
  };
  maybe("max-age", made.max_age);
  maybe("max-stale", made.max_stale);
  maybe("min-fresh", made.min_fresh);
  made.no_cache = random.chance(0.1);
  if (made.no_cache) add(made.control, any_case(random, "no-cache"));
  made.only_if_cached = random.chance(0.1);
  if (made.only_if_cached) add(made.control, "only-if-cached");
  if (random.chance(0.2)) add(made.control, "stale-if-error=1000");
  return made;
}

RequestPolicy policy_of(const MadeRequest& made) {
  http::RequestHead request = request_of({});
  if (!made.control.empty()) request.fields.add("Cache-Control", made.control);
  return request_policy(request);
}

bool is_serving(const Decision& decision) {
  return decision.action == Decision::Action::serve ||
         decision.action == Decision::Action::serve_stale_while_revalidate;
}

struct Case {
  MadeResponse response;
  MadeRequest request;
  int64_t seconds = 0;
  PolicyOptions options;
  ResponseMeta meta;
  Decision decision;

  int64_t ttl() const { return response.lifetime - response.age - seconds; }
};

template <typename Check>
void for_random_cases(uint64_t seed, int count, Check check) {
  Random random(seed);
  for (int i = 0; i < count; ++i) {
    Case made;
    made.response = make_response(random);
    made.request = make_request(random);
    made.seconds = static_cast<int64_t>(random.below(200));
    made.options.stale_while_revalidate = random.chance(0.5) ? 1000 : 0;
    made.options.stale_if_error = random.chance(0.5) ? 1000 : 0;
    made.meta = meta_of(made.response);
    made.decision = decide(policy_of(made.request), &made.meta, false, after(made.seconds), made.options);
    INFO("seed " << seed << " case " << i << ": " << made.response.control << " | " << made.response.targeted
                 << " | age " << made.response.age_text << " | request " << made.request.control
                 << " | after " << made.seconds << " s");
    check(made);
  }
}

}  // namespace

TEST_CASE("nothing stale is decided for against must-revalidate, proxy-revalidate, s-maxage or no-cache",
          "[property][policy]") {
  int stale_served = 0;
  int forbidden = 0;
  for_random_cases(9111, 100'000, [&](const Case& made) {
    const bool serves = is_serving(made.decision);
    const RequestPolicy policy = policy_of(made.request);
    const bool on_error =
        may_serve_stale_on_error(policy, made.meta, after(made.seconds), made.options, true);
    if (made.response.no_cache) {
      ++forbidden;
      REQUIRE_FALSE(serves);
      REQUIRE_FALSE(on_error);
    } else if (made.ttl() <= 0 && made.response.forbids_stale) {
      ++forbidden;
      REQUIRE_FALSE(serves);
      if (made.ttl() < 0) REQUIRE_FALSE(on_error);
    } else if (serves && made.ttl() <= 0) {
      ++stale_served;
    }
  });
  // The cases reach what they are about.
  CHECK(stale_served > 1000);
  CHECK(forbidden > 10'000);
}

TEST_CASE("what a request demands is never overstepped", "[property][policy]") {
  int served = 0;
  for_random_cases(5211, 100'000, [&](const Case& made) {
    if (made.request.only_if_cached) {
      REQUIRE(made.decision.action != Decision::Action::forward);
      REQUIRE(made.decision.action != Decision::Action::validate);
    }
    if (!is_serving(made.decision)) return;
    ++served;
    const int64_t age = made.response.age + made.seconds;
    REQUIRE_FALSE(made.request.no_cache);
    if (made.request.max_age) REQUIRE(age <= *made.request.max_age);
    if (made.request.min_fresh) REQUIRE(made.ttl() >= *made.request.min_fresh);
    if (made.decision.rule == DecisionRule::max_stale) REQUIRE(-made.ttl() <= made.request.max_stale.value());
  });
  CHECK(served > 10'000);
}

TEST_CASE("what is fresh and asked for without conditions is always served", "[property][policy]") {
  int fresh = 0;
  for_random_cases(42, 50'000, [&](const Case& made) {
    if (made.ttl() <= 0 || made.response.no_cache || !made.request.control.empty()) return;
    ++fresh;
    REQUIRE(made.decision.action == Decision::Action::serve);
    REQUIRE(made.decision.rule == DecisionRule::fresh);
  });
  CHECK(fresh > 1000);
}

TEST_CASE("the rule that is told fits the decision", "[property][policy]") {
  for_random_cases(9211, 50'000, [&](const Case& made) {
    const Decision& decision = made.decision;
    REQUIRE((decision.rule == DecisionRule::fresh) == (is_serving(decision) && made.ttl() > 0));
    REQUIRE((decision.action == Decision::Action::serve_stale_while_revalidate
                 ? decision.rule
                 : DecisionRule::stale_while_revalidate) == DecisionRule::stale_while_revalidate);
    if (decision.rule == DecisionRule::must_revalidate) REQUIRE(made.response.forbids_stale);
    if (decision.rule == DecisionRule::response_no_cache) REQUIRE(made.response.no_cache);
    if (decision.rule == DecisionRule::request_no_cache) REQUIRE(made.request.no_cache);
    if (decision.action == Decision::Action::validate) REQUIRE(made.response.has_etag);
    REQUIRE(text_of(decision.rule).text.size() > 0);
  });
}
