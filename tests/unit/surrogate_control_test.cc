#include <catch2/catch_test_macros.hpp>

#include "tests/unit/policy_builder.h"

using namespace perigee::cache;
using namespace perigee::test;
using perigee::http::parse_surrogate_control;
using perigee::http::ResponseCacheControl;

namespace {

std::optional<ResponseCacheControl> read(std::string_view value) {
  return parse_surrogate_control(fields_of({{"Surrogate-Control", value}}), "perigee");
}

// "60", "60+30", "no-store", "invalid", or "nothing" when nothing is said to this cache.
std::string said(std::string_view value) {
  const auto control = read(value);
  if (!control) return "nothing";
  if (control->no_store) return "no-store";
  if (!control->max_age.valid()) return "invalid";
  std::string text = std::to_string(control->max_age.seconds);
  if (control->stale_while_revalidate.present())
    text += "+" + std::to_string(control->stale_while_revalidate.seconds);
  return text;
}

int32_t lifetime(Rows fields, const PolicyOptions& options = {}) {
  return judge(fields, options).meta.freshness_lifetime;
}

}  // namespace

TEST_CASE("Surrogate-Control says how long, in any case, with and without stale seconds",
          "[surrogate-control]") {
  CHECK(said("max-age=60") == "60");
  CHECK(said("Max-Age=60") == "60");
  CHECK(said("max-age=60+30") == "60+30");
  CHECK(said("max-age=0") == "0");
  CHECK(said("max-age=99999999999") == "2147483647");
  CHECK(said("no-store") == "no-store");
  CHECK(said("NO-STORE, max-age=60") == "no-store");
  CHECK(said("no-store-remote") == "no-store");
}

TEST_CASE("a lifetime of Surrogate-Control that cannot be read is none", "[surrogate-control]") {
  for (const char* value :
       {"max-age", "max-age=", "max-age=x", "max-age=-1", "max-age=\"60\"", "max-age=+30"}) {
    INFO(value);
    CHECK(said(value) == "invalid");
    CHECK(read(value)->max_age.seconds == 0);
  }
  CHECK(said("max-age=60+x") == "60");
  CHECK(said("max-age=60+") == "60");
}

TEST_CASE("a directive of Surrogate-Control may be for one device alone", "[surrogate-control]") {
  CHECK(said("max-age=60;perigee") == "60");
  CHECK(said("max-age=60 ; Perigee") == "60");
  CHECK(said("max-age=60;other;perigee") == "60");
  CHECK(said("max-age=60;other") == "nothing");
  CHECK(said("no-store;other") == "nothing");
  CHECK(said("max-age=60;perigee2") == "nothing");
  CHECK(said("max-age=10, max-age=60;perigee") == "60");
  CHECK(said("max-age=60;perigee, max-age=10") == "60");
  CHECK(said("max-age=60, max-age=10;other") == "60");
}

TEST_CASE("Surrogate-Control that says nothing about storing decides nothing", "[surrogate-control]") {
  for (const char* value : {"", "content=\"ESI/1.0\"", "unknown", "max-stale=5", ";perigee", ","}) {
    INFO(value);
    CHECK(said(value) == "nothing");
  }
  CHECK(said("content=\"ESI/1.0\", max-age=60") == "60");
  CHECK_FALSE(parse_surrogate_control(fields_of({{"Cache-Control", "max-age=60"}}), "perigee").has_value());
}

TEST_CASE("all lines of Surrogate-Control are one list", "[surrogate-control]") {
  const auto control = parse_surrogate_control(
      fields_of({{"Surrogate-Control", "content=\"ESI/1.0\""}, {"Surrogate-Control", "max-age=60"}}),
      "perigee");
  REQUIRE(control.has_value());
  CHECK(control->max_age.seconds == 60);
}

TEST_CASE("Surrogate-Control decides in place of Cache-Control, and CDN-Cache-Control before both",
          "[surrogate-control]") {
  CHECK(lifetime({{"Surrogate-Control", "max-age=60"}, {"Cache-Control", "max-age=5"}}) == 60);
  CHECK(judge({{"Surrogate-Control", "max-age=60"}, {"Cache-Control", "no-store"}}).storable);
  CHECK(judge({{"Surrogate-Control", "no-store"}, {"Cache-Control", "max-age=5"}}).why_not == "no_store");
  CHECK(lifetime({{"Surrogate-Control", "content=\"x\""}, {"Cache-Control", "max-age=5"}}) == 5);
  CHECK(lifetime({{"Surrogate-Control", "max-age=60;other"}, {"Cache-Control", "max-age=5"}}) == 5);
  CHECK(lifetime({{"Surrogate-Control", "max-age=60"}, {"Expires", "Fri, 07 Jun 2024 13:00:00 GMT"}}) == 60);
  const Rows both = {{"Surrogate-Control", "max-age=60"}, {"CDN-Cache-Control", "max-age=7"}};
  CHECK(lifetime(both) == 7);
  PolicyOptions options;
  options.targets = {"surrogate-control", "cdn-cache-control"};
  CHECK(lifetime(both, options) == 60);
  options.targets = {};
  CHECK(lifetime({{"Surrogate-Control", "max-age=60"}, {"Cache-Control", "max-age=5"}}, options) == 5);
}

TEST_CASE("the site says by what name Surrogate-Control may speak to it", "[surrogate-control]") {
  PolicyOptions options;
  options.surrogate_device = "shop";
  CHECK(lifetime({{"Surrogate-Control", "max-age=60;shop, max-age=9;perigee, max-age=3"}}, options) == 60);
  CHECK(lifetime({{"Surrogate-Control", "max-age=60;shop, max-age=9;perigee, max-age=3"}}) == 9);
}

TEST_CASE("the stale seconds of Surrogate-Control are a window for validation", "[surrogate-control]") {
  CHECK(judge({{"Surrogate-Control", "max-age=60+30"}}).meta.stale_while_revalidate == 30);
  CHECK(decide({}, {{"Surrogate-Control", "max-age=60+30"}}, 80) == "serve_stale_while_revalidate");
  CHECK(decide({}, {{"Surrogate-Control", "max-age=60+30"}, {"ETag", "\"a\""}}, 100) == "validate");
}
