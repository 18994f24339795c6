#include "edge/cache/policy.h"

#include <catch2/catch_test_macros.hpp>
#include <random>

#include "tests/unit/policy_builder.h"

using namespace perigee::cache;
using namespace perigee::test;
using perigee::http::Method;

namespace {

constexpr std::pair<std::string_view, std::string_view> etag = {"ETag", "\"a\""};
constexpr std::pair<std::string_view, std::string_view> minute = {"Cache-Control", "max-age=60"};

std::pair<std::string_view, std::string_view> cc(std::string_view value) { return {"Cache-Control", value}; }

std::string reason(const RequestPolicy& request, const ResponseMeta* stored, bool other,
                   const PolicyOptions& options = {}) {
  const Decision decision = decide(request, stored, other, noon, options);
  return std::string(to_string(decision.action)) + " " + std::string(to_string(decision.reason));
}

}  // namespace

TEST_CASE("a fresh response is served, a stale one validated", "[policy]") {
  CHECK(decide({}, {minute}, 0) == "serve");
  CHECK(decide({}, {minute}, 59) == "serve");
  CHECK(decide({}, {minute}, 60) == "forward");
  CHECK(decide({}, {minute, etag}, 60) == "validate");
  CHECK(decide({}, {minute, {"Last-Modified", "Fri, 07 Jun 2024 02:00:00 GMT"}}, 60) == "validate");
  CHECK(decide({}, {minute, {"Age", "30"}}, 29) == "serve");
  CHECK(decide({}, {minute, {"Age", "30"}}, 30) == "forward");
}

TEST_CASE("no-cache is validated every time, must-revalidate once it is stale", "[policy]") {
  CHECK(decide({}, {cc("no-cache, max-age=60"), etag}, 0) == "validate");
  CHECK(decide({}, {cc("no-cache=\"a\", max-age=60"), etag}, 0) == "serve");
  for (const char* value : {"must-revalidate, max-age=60", "proxy-revalidate, max-age=60", "s-maxage=60"}) {
    const std::string with_stale = std::string(value) + ", stale-while-revalidate=99, stale-if-error=99";
    CHECK(decide({}, {cc(with_stale), etag}, 59) == "serve");
    CHECK(decide({}, {cc(with_stale), etag}, 60) == "validate");
    CHECK(decide({cc("max-stale")}, {cc(with_stale), etag}, 60) == "validate");
  }
}

TEST_CASE("stale-while-revalidate holds for its seconds and yields to the request", "[policy]") {
  constexpr std::string_view swr = "max-age=60, stale-while-revalidate=30";
  CHECK(decide({}, {cc(swr)}, 60) == "serve_stale_while_revalidate");
  CHECK(decide({}, {cc(swr)}, 90) == "serve_stale_while_revalidate");
  CHECK(decide({}, {cc(swr)}, 91) == "forward");
  CHECK(decide({cc("max-age=600")}, {cc(swr)}, 61) == "forward");
  CHECK(decide({cc("min-fresh=1")}, {cc(swr)}, 61) == "forward");
  CHECK(decide({cc("only-if-cached")}, {cc(swr)}, 61) == "serve");
  PolicyOptions site;
  site.stale_while_revalidate = 10;
  CHECK(decide({}, {minute}, 70, site) == "serve_stale_while_revalidate");
  CHECK(decide({}, {cc("max-age=60, stale-while-revalidate=0")}, 70, site) == "forward");
  CHECK(decide({}, {cc("max-age=60, must-revalidate")}, 70, site) == "forward");
}

TEST_CASE("a request may want fresher than fresh, or take stale", "[policy]") {
  CHECK(decide({cc("max-age=0")}, {minute}, 0) == "serve");
  CHECK(decide({cc("max-age=0")}, {minute}, 1) == "forward");
  CHECK(decide({cc("max-age=10")}, {minute}, 10) == "serve");
  CHECK(decide({cc("max-age=10")}, {minute}, 11) == "forward");
  CHECK(decide({cc("max-age=nonsense")}, {minute}, 11) == "forward");
  CHECK(decide({cc("max-age=600")}, {cc("max-age=3600"), {"Age", "1800"}}, 0) == "forward");
  CHECK(decide({cc("min-fresh=60")}, {minute}, 0) == "serve");
  CHECK(decide({cc("min-fresh=61")}, {minute}, 0) == "forward");
  CHECK(decide({cc("min-fresh=x")}, {minute}, 0) == "forward");
  CHECK(decide({cc("max-stale")}, {minute}, 100000) == "serve");
  CHECK(decide({cc("max-stale=10")}, {minute}, 70) == "serve");
  CHECK(decide({cc("max-stale=10")}, {minute}, 71) == "forward");
  CHECK(decide({cc("max-stale=x")}, {minute}, 61) == "forward");
  CHECK(decide({cc("max-stale=10, max-age=65")}, {minute}, 66) == "forward");
  CHECK(decide({cc("no-cache")}, {minute, etag}, 0) == "validate");
  CHECK(decide({cc("no-cache")}, {minute}, 0) == "forward");
  CHECK(decide({{"Pragma", "no-cache"}}, {minute}, 0) == "forward");
  CHECK(decide({{"Pragma", "x, No-Cache"}}, {minute}, 0) == "forward");
  CHECK(decide({{"Pragma", "x"}}, {minute}, 0) == "serve");
  CHECK(decide({{"Pragma", "no-cache"}, cc("max-age=60")}, {minute}, 0) == "serve");
  CHECK(decide({cc("no-store")}, {minute}, 0) == "serve");
}

TEST_CASE("only-if-cached never goes onward", "[policy]") {
  CHECK(decide({cc("only-if-cached")}, {minute}, 0) == "serve");
  CHECK(decide({cc("only-if-cached")}, {minute, etag}, 60) == "gateway_timeout");
  CHECK(decide({cc("only-if-cached")}, {cc("no-cache"), etag}, 0) == "gateway_timeout");
  CHECK(decide({cc("only-if-cached, no-cache")}, {minute}, 0) == "gateway_timeout");
  const RequestPolicy request = request_policy(request_of({cc("only-if-cached")}));
  CHECK(reason(request, nullptr, false) == "gateway_timeout uri-miss");
}

TEST_CASE("the reason says why a request goes onward", "[policy]") {
  PolicyOptions off;
  off.enabled = false;
  const RequestPolicy get = request_policy(request_of({}));
  const ResponseMeta stale = judge({{"Cache-Control", "max-age=0"}, etag}).meta;
  const ResponseMeta fresh = judge({minute, etag}).meta;
  const ResponseMeta marker = hit_for_miss_meta(noon, {});
  const ResponseMeta old_marker = hit_for_miss_meta(after(-120), {});
  CHECK(reason(get, nullptr, false) == "forward uri-miss");
  CHECK(reason(get, nullptr, true) == "forward vary-miss");
  CHECK(reason(get, &fresh, false, off) == "forward bypass");
  CHECK(reason(get, &stale, false) == "validate stale");
  CHECK(reason(get, &marker, false) == "forward miss");
  CHECK(reason(get, &old_marker, false) == "forward uri-miss");
  CHECK(reason(request_policy(request_of({cc("no-cache")})), &fresh, false) == "validate request");
  CHECK(reason(request_policy(request_of({cc("min-fresh=99")})), &fresh, false) == "validate request");
  CHECK(reason(request_policy(request_of({}, Method::post)), &fresh, false) == "forward method");
  CHECK(reason(request_policy(request_of({}, Method::head)), &fresh, false) == "serve uri-miss");
}

TEST_CASE("stale is served on errors only where somebody allowed it", "[policy]") {
  const auto allowed = [](Rows request, std::string_view control, int64_t seconds, bool disconnected = false,
                          const PolicyOptions& options = {}) {
    return may_serve_stale_on_error(request_policy(request_of(request)),
                                    judge({cc(control), etag}, options).meta, after(seconds), options,
                                    disconnected);
  };
  CHECK_FALSE(allowed({}, "max-age=60", 61));
  CHECK(allowed({}, "max-age=60", 59));
  CHECK(allowed({}, "max-age=60, stale-if-error=10", 70));
  CHECK_FALSE(allowed({}, "max-age=60, stale-if-error=10", 71));
  CHECK(allowed({}, "max-age=60, stale-while-revalidate=10", 70));
  CHECK(allowed({cc("stale-if-error=10")}, "max-age=60", 70));
  CHECK(allowed({cc("max-stale")}, "max-age=60", 70));
  CHECK(allowed({}, "max-age=60", 61, true));
  CHECK_FALSE(allowed({}, "max-age=60", 60 + 86401, true));
  PolicyOptions site;
  site.stale_if_error = 10;
  CHECK(allowed({}, "max-age=60", 70, false, site));
  for (const char* control :
       {"max-age=60, must-revalidate, stale-if-error=99", "max-age=60, proxy-revalidate, stale-if-error=99",
        "s-maxage=60, stale-if-error=99", "no-cache, max-age=60, stale-if-error=99"}) {
    CHECK_FALSE(allowed({}, control, 61, true, site));
  }
  CHECK_FALSE(allowed({cc("no-cache")}, "max-age=60, stale-if-error=99", 61, true));
}

TEST_CASE("followers share what they may reuse, and what they waited for", "[policy]") {
  const auto shared = [](Rows request, Rows response) {
    return may_follow(request_policy(request_of(request)), judge(response).meta, noon);
  };
  CHECK(shared({}, {minute}));
  CHECK(shared({}, {cc("max-age=0"), etag}));
  CHECK(shared({cc("max-age=0")}, {minute}));
  CHECK(shared({cc("no-store")}, {minute}));
  CHECK_FALSE(shared({}, {cc("max-age=0, must-revalidate"), etag}));
  CHECK_FALSE(shared({}, {cc("s-maxage=0"), etag}));
  CHECK_FALSE(shared({}, {cc("no-cache"), etag}));
  CHECK_FALSE(shared({cc("no-cache")}, {minute}));
  CHECK_FALSE(shared({{"Pragma", "no-cache"}}, {minute}));
  CHECK_FALSE(shared({cc("max-age=5")}, {minute, {"Age", "6"}}));
  CHECK_FALSE(shared({cc("min-fresh=61")}, {minute}));
  CHECK_FALSE(shared({cc("only-if-cached")}, {minute}));
  CHECK_FALSE(shared({{"Range", "bytes=0-1"}}, {minute}));
  CHECK_FALSE(may_follow(request_policy(request_of({}, Method::post)), judge({minute}).meta, noon));
}

TEST_CASE("what was sent after a follower asked was validated for it, too", "[policy]") {
  const auto shared = [](Rows request, Rows response) {
    return may_follow(request_policy(request_of(request)), judge(response).meta, noon, true);
  };
  CHECK(shared({}, {cc("max-age=0, must-revalidate"), etag}));
  CHECK(shared({}, {cc("s-maxage=0"), etag}));
  CHECK_FALSE(shared({}, {cc("no-cache"), etag}));
  CHECK_FALSE(shared({cc("no-cache")}, {minute}));
  CHECK_FALSE(shared({cc("max-age=5")}, {minute, {"Age", "6"}}));
}

TEST_CASE("nothing stale is ever served against must-revalidate or no-cache", "[policy]") {
  std::mt19937_64 random(5861);
  const auto some = [&random](int64_t below) {
    return static_cast<int64_t>(random() % static_cast<uint64_t>(below));
  };
  const auto maybe = [&](int64_t below) { return some(2) == 0 ? std::optional<int64_t>() : some(below); };
  int served = 0;
  int bound = 0;
  for (int i = 0; i < 200000; ++i) {
    ResponseMeta meta;
    meta.set_response_time(noon + std::chrono::milliseconds(some(20000) - 10000));
    meta.corrected_initial_age = static_cast<int32_t>(some(50));
    meta.freshness_lifetime = static_cast<int32_t>(some(100));
    meta.stale_while_revalidate = static_cast<int32_t>(some(100));
    meta.stale_if_error = static_cast<int32_t>(some(100));
    meta.flags = random() & 0x1ff;
    RequestPolicy request;
    request.cacheable_method = some(8) != 0;
    request.no_cache = some(8) == 0;
    request.no_store = some(2) == 0;
    request.only_if_cached = some(4) == 0;
    request.max_age = maybe(100);
    request.min_fresh = maybe(100);
    request.max_stale = maybe(100);
    request.stale_if_error = maybe(100);
    PolicyOptions options;
    options.stale_while_revalidate = options.stale_if_error = 1000;
    const auto now = after(some(200) - 50);
    const bool fresh = meta.ttl(now) > 0;
    const auto action = decide(request, &meta, some(2) == 0, now, options).action;
    const bool serves =
        action == Decision::Action::serve || action == Decision::Action::serve_stale_while_revalidate;
    const bool on_error = may_serve_stale_on_error(request, meta, now, options, true);
    served += serves;
    if (meta.is(ResponseMeta::no_cache) || meta.is(ResponseMeta::hit_for_miss) || request.no_cache) {
      ++bound;
      REQUIRE_FALSE(serves);
      REQUIRE_FALSE(on_error);
    }
    if (meta.is(ResponseMeta::must_revalidate) && !fresh) {
      ++bound;
      REQUIRE_FALSE(serves);
      REQUIRE_FALSE(on_error);
      REQUIRE_FALSE(may_follow(request, meta, now));
    }
    if (request.only_if_cached && request.cacheable_method)
      REQUIRE((serves || action == Decision::Action::gateway_timeout));
  }
  CHECK(served > 1000);
  CHECK(bound > 1000);
}
