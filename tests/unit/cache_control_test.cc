#include "edge/http/cache_control.h"

#include <catch2/catch_test_macros.hpp>

#include "tests/unit/fields_of.h"

using namespace perigee::http;
using perigee::test::fields_of;

namespace {

ResponseCacheControl response(std::string_view value) {
  return parse_response_cache_control(fields_of({{"Cache-Control", value}}));
}
RequestCacheControl request(std::string_view value) {
  return parse_request_cache_control(fields_of({{"Cache-Control", value}}));
}

}  // namespace

TEST_CASE("seconds saturate and are nothing but digits", "[cache-control]") {
  CHECK(parse_delta_seconds("0") == 0);
  CHECK(parse_delta_seconds("007") == 7);
  CHECK(parse_delta_seconds("2147483647") == 2147483647);
  CHECK(parse_delta_seconds("2147483648") == 2147483647);
  CHECK(parse_delta_seconds("99999999999999999999999999") == 2147483647);
  for (const char* text : {"", "-1", "+1", "1.0", " 1", "1 ", "0x1", "1a"})
    CHECK_FALSE(parse_delta_seconds(text).has_value());
}

TEST_CASE("every response directive is known in any case", "[cache-control]") {
  const auto all = response(
      "No-Store, NO-CACHE, private, Public, must-revalidate, proxy-revalidate, must-understand, "
      "no-transform, "
      "immutable, max-age=1, s-maxage=2, stale-while-revalidate=3, stale-if-error=4, unknown, other=\"x, "
      "no-store\"");
  CHECK((all.no_store && all.no_cache && all.is_private && all.is_public && all.must_revalidate));
  CHECK((all.proxy_revalidate && all.must_understand && all.no_transform && all.immutable));
  CHECK(all.max_age.seconds == 1);
  CHECK(all.s_maxage.seconds == 2);
  CHECK(all.stale_while_revalidate.seconds == 3);
  CHECK(all.stale_if_error.seconds == 4);
}

TEST_CASE("what stands in quotes is no directive", "[cache-control]") {
  CHECK_FALSE(response("x=\"no-store\"").no_store);
  CHECK_FALSE(response("x=\"a\\\", no-store\"").no_store);
  CHECK(response("x=\"a\", no-store").no_store);
  CHECK_FALSE(response("xno-store, no-storex").no_store);
}

TEST_CASE("a broken permission is ignored, a broken restriction restricts", "[cache-control]") {
  CHECK_FALSE(response("public x").is_public);
  CHECK_FALSE(response("immutable;a").immutable);
  CHECK_FALSE(response("stale-if-error =5").stale_if_error.present());
  CHECK(response("no-store x").no_store);
  CHECK(response("must-revalidate=\"").must_revalidate);
  CHECK(response("private x").is_private);
  CHECK(response("no-cache=").no_cache);
  CHECK(response("max-age =5").max_age.state == DeltaSeconds::State::invalid);
}

TEST_CASE("an unfinished quote hides no restriction and spoils every lifetime", "[cache-control]") {
  const auto control = response("max-age=60, x=\"a, no-store, private, max-age=90, public");
  CHECK(control.no_store);
  CHECK(control.is_private);
  CHECK_FALSE(control.is_public);
  CHECK(control.max_age.state == DeltaSeconds::State::invalid);
  CHECK(request("x=\"a, no-cache").no_cache);
}

TEST_CASE("qualified no-cache and private name fields", "[cache-control]") {
  using Names = std::vector<std::string>;
  CHECK(response("private=\"A, b\"").private_fields == Names{"a", "b"});
  CHECK_FALSE(response("private=\"A, b\"").is_private);
  CHECK(response("no-cache=Set-Cookie").no_cache_fields == Names{"set-cookie"});
  CHECK_FALSE(response("no-cache=Set-Cookie").no_cache);
  CHECK(response("no-cache=\"a\", no-cache=\"b\"").no_cache_fields == Names{"a", "b"});
  CHECK(response("no-cache=\"a\", no-cache").no_cache);
  for (const char* value :
       {"private=\"\"", "private=\"a b\"", "private=\" , \"", "private=\"a\\b\"", "private=\"a"}) {
    INFO(value);
    CHECK(response(value).is_private);
  }
}

TEST_CASE("request directives are read", "[cache-control]") {
  const auto all = request(
      "no-store, no-cache, only-if-cached, no-transform, max-age=1, min-fresh=2, max-stale=3, "
      "stale-if-error=4");
  CHECK((all.no_store && all.no_cache && all.only_if_cached && all.no_transform && !all.max_stale_any));
  CHECK(all.max_age.seconds == 1);
  CHECK(all.min_fresh.seconds == 2);
  CHECK(all.max_stale.seconds == 3);
  CHECK(all.stale_if_error.seconds == 4);
  CHECK(request("max-stale").max_stale_any);
  CHECK_FALSE(request("max-stale=x").max_stale.valid());
}

TEST_CASE("a targeted field is a dictionary or nothing", "[cache-control]") {
  const auto targeted = [](std::string_view value) {
    return parse_targeted_cache_control(fields_of({{"CDN-Cache-Control", value}}), "cdn-cache-control");
  };
  REQUIRE(targeted("max-age=60;x=1, no-cache").has_value());
  CHECK(targeted("max-age=60;x=1, no-cache")->max_age.seconds == 60);
  CHECK(targeted("max-age=60, no-cache")->no_cache);
  CHECK(targeted("private=\"a, b\"")->private_fields.size() == 2);
  CHECK(targeted("private=(\"a\")")->is_private);
  CHECK(targeted("max-age=-1")->max_age.state == DeltaSeconds::State::invalid);
  CHECK(targeted("max-age=1, max-age=2")->max_age.seconds == 2);
  for (const char* value : {"", "Max-Age=60", "max-age=60,", "max-age 60", "max-age=60; ="}) {
    INFO(value);
    CHECK_FALSE(targeted(value).has_value());
  }
  CHECK_FALSE(parse_targeted_cache_control(fields_of({}), "cdn-cache-control").has_value());
}
