#include <catch2/catch_test_macros.hpp>

#include "tests/unit/policy_builder.h"

using namespace perigee::cache;
using namespace perigee::test;
namespace http = perigee::http;
using http::Method;

namespace {

// "" when storable, else why not.
std::string why_not(const Storability& judged) {
  CHECK(judged.storable == judged.why_not.empty());
  return std::string(judged.why_not);
}

std::string why_not(Rows response, const PolicyOptions& options = {}) {
  return why_not(judge(response, options));
}

std::string why_not(int status, Rows response) {
  return why_not(judge(request_of({}), response_of(status, response)));
}

std::string why_not_asked(Rows request, Rows response) {
  return why_not(judge(request_of(request), response_of(200, response)));
}

}  // namespace

TEST_CASE("what a response says decides whether it is storable", "[storability]") {
  CHECK(why_not({{"Cache-Control", "max-age=60"}}) == "");
  CHECK(why_not({{"Cache-Control", "s-maxage=60"}}) == "");
  CHECK(why_not({{"Expires", "Fri, 07 Jun 2024 13:00:00 GMT"}}) == "");
  CHECK(why_not({{"Last-Modified", "Fri, 07 Jun 2024 02:00:00 GMT"}}) == "");
  CHECK(why_not({{"ETag", "\"a\""}}) == "");
  CHECK(why_not({{"Cache-Control", "no-cache"}, {"ETag", "\"a\""}}) == "");
  CHECK(why_not({{"Cache-Control", "no-store, max-age=60"}}) == "no_store");
  CHECK(why_not({{"Cache-Control", "No-StOrE"}, {"Cache-Control", "max-age=60"}}) == "no_store");
  CHECK(why_not({{"Cache-Control", "no-store=1, max-age=60"}}) == "no_store");
  CHECK(why_not({{"Cache-Control", "private, max-age=60"}}) == "private");
  CHECK(why_not({{"Cache-Control", "private=\"a b\", max-age=60"}}) == "private");
  CHECK(why_not({{"Cache-Control", "private=\"x-user\", max-age=60"}}) == "");
  CHECK(why_not({{"Cache-Control", "x=\"unfinished, no-store"}}) == "no_store");
  CHECK(why_not({{"Cache-Control", "max-age=60"}, {"Vary", "a, *"}}) == "vary");
  CHECK(why_not({}) == "no_lifetime");
  CHECK(why_not({{"Cache-Control", "max-age=0"}}) == "no_lifetime");
  CHECK(why_not({{"Cache-Control", "no-cache, max-age=60"}}) == "no_lifetime");
  CHECK(why_not({{"Cache-Control", "max-age=1500"}, {"Age", "2000"}}) == "");
}

TEST_CASE("the status decides with what the response says", "[storability]") {
  constexpr std::pair<std::string_view, std::string_view> fresh = {"Cache-Control", "max-age=60"};
  constexpr std::pair<std::string_view, std::string_view> dated = {"Last-Modified",
                                                                   "Thu, 06 Jun 2024 12:00:00 GMT"};
  for (int status : {200, 201, 203, 204, 299, 300, 301, 302, 303, 307, 308, 400, 403,
                     404, 405, 410, 414, 451, 499, 500, 501, 502, 503, 504, 599}) {
    INFO(status);
    CHECK(why_not(status, {fresh}) == "");
  }
  for (int status : {200, 203, 204, 300, 301, 308, 404, 405, 410, 414, 501}) {
    INFO(status);
    CHECK(why_not(status, {dated}) == "");
  }
  for (int status : {201, 202, 302, 303, 307, 400, 403, 500, 502, 503, 504, 599}) {
    INFO(status);
    CHECK(why_not(status, {dated}) == "status");
    CHECK(why_not(status, {dated, {"Cache-Control", "public"}}) == "");
  }
  for (int status : {401, 407, 408, 411, 412, 415, 416, 417, 421, 425, 426, 428, 429, 431, 511}) {
    INFO(status);
    CHECK(why_not(status, {fresh, {"Cache-Control", "public"}}) == "status");
  }
  CHECK(why_not(206, {fresh}) == "partial");
  CHECK(why_not(304, {fresh}) == "not_modified");
  CHECK(why_not(103, {fresh}) == "interim");
}

TEST_CASE("must-understand wants a known status, and then outweighs no-store", "[storability]") {
  CHECK(why_not(200, {{"Cache-Control", "must-understand, no-store, max-age=60"}}) == "");
  CHECK(why_not(404, {{"Cache-Control", "must-understand, max-age=60"}}) == "");
  CHECK(why_not(599, {{"Cache-Control", "must-understand, max-age=60"}}) == "must_understand");
  CHECK(why_not(599, {{"Cache-Control", "must-understand, no-store, max-age=60"}}) == "must_understand");
}

TEST_CASE("the request decides too", "[storability]") {
  const auto answer = response_of(200, {{"Cache-Control", "max-age=60"}});
  for (Method method : {Method::head, Method::post, Method::put, Method::other}) {
    CHECK(why_not(judge(request_of({}, method), answer)) == "method");
  }
  auto with_content = request_of({});
  with_content.content_length = 3;
  CHECK(why_not(judge(with_content, answer)) == "method");
  CHECK(why_not_asked({{"Cache-Control", "no-store"}}, {{"Cache-Control", "max-age=60"}}) ==
        "request_no_store");
  CHECK(why_not_asked({{"Range", "bytes=0-1"}}, {{"Cache-Control", "max-age=60"}}) == "");
}

TEST_CASE("an answer to Authorization is storable only when marked for sharing", "[storability]") {
  constexpr std::pair<std::string_view, std::string_view> asked = {"Authorization", "x"};
  CHECK(why_not_asked({asked}, {{"Cache-Control", "max-age=60"}}) == "authorization");
  CHECK(why_not_asked({asked}, {{"Expires", "Fri, 07 Jun 2024 13:00:00 GMT"}}) == "authorization");
  CHECK(why_not_asked({asked}, {{"Cache-Control", "max-age=60, proxy-revalidate"}}) == "authorization");
  CHECK(why_not_asked({asked}, {{"Cache-Control", "max-age=60, public"}}) == "");
  CHECK(why_not_asked({asked}, {{"Cache-Control", "max-age=60, must-revalidate"}}) == "");
  CHECK(why_not_asked({asked}, {{"Cache-Control", "s-maxage=60"}}) == "");
  CHECK(why_not_asked({asked}, {{"Cache-Control", "max-age=60, s-maxage=x"}}) == "authorization");
}

TEST_CASE("an answer with Set-Cookie is storable only when the origin meant it", "[storability]") {
  constexpr std::pair<std::string_view, std::string_view> cookie = {"Set-Cookie", "a=b"};
  constexpr std::pair<std::string_view, std::string_view> dated = {"Last-Modified",
                                                                   "Thu, 06 Jun 2024 12:00:00 GMT"};
  PolicyOptions site;
  site.default_freshness_lifetime = 600;
  CHECK(why_not({cookie, dated}) == "set_cookie");
  CHECK(why_not({cookie}, site) == "set_cookie");
  CHECK(why_not({cookie, {"Cache-Control", "max-age=60"}}) == "");
  CHECK(why_not({cookie, {"Cache-Control", "public"}}, site) == "");
  CHECK(why_not({cookie, dated, {"Cache-Control", "no-cache=\"set-cookie\""}}) == "");
  site.set_cookie = PolicyOptions::SetCookie::shared_lifetime;
  CHECK(why_not({cookie, {"Cache-Control", "max-age=60"}}, site) == "set_cookie");
  CHECK(why_not({cookie, {"Cache-Control", "s-maxage=60"}}, site) == "");
  site.set_cookie = PolicyOptions::SetCookie::never;
  CHECK(why_not({cookie, {"Cache-Control", "s-maxage=60, public"}}, site) == "set_cookie");
}

TEST_CASE("the first targeted field that is a dictionary decides alone", "[storability]") {
  CHECK(why_not({{"CDN-Cache-Control", "max-age=60"}, {"Cache-Control", "no-store"}}) == "");
  CHECK(why_not({{"CDN-Cache-Control", "no-store"}, {"Cache-Control", "max-age=60"}}) == "no_store");
  CHECK(why_not({{"CDN-Cache-Control", "private"}, {"Cache-Control", "max-age=60"}}) == "private");
  CHECK(why_not({{"CDN-Cache-Control", "max-age=60, &&"}, {"Cache-Control", "no-store"}}) == "no_store");
  CHECK(why_not({{"CDN-Cache-Control", ""}, {"Cache-Control", "no-store"}}) == "no_store");
  CHECK(why_not({{"CDN-Cache-Control", "no-store=?0, max-age=9"}}) == "");
  CHECK(
      judge({{"CDN-Cache-Control", "max-age=60"}, {"Cache-Control", "max-age=5"}}).meta.freshness_lifetime ==
      60);
  CHECK(judge({{"CDN-Cache-Control", "max-age=\"60\""}, {"Cache-Control", "max-age=5"}})
            .meta.freshness_lifetime == 0);
  CHECK(judge({{"CDN-Cache-Control", "public"}, {"Expires", "Fri, 07 Jun 2024 13:00:00 GMT"}})
            .meta.freshness_lifetime == 0);
  CHECK(judge({{"CDN-Cache-Control", "max-age=99999999999"}}).meta.freshness_lifetime == 2147483647);
  PolicyOptions options;
  options.targets = {"example-cache-control", "cdn-cache-control"};
  CHECK(judge({{"CDN-Cache-Control", "max-age=60"}, {"Example-Cache-Control", "max-age=7"}}, options)
            .meta.freshness_lifetime == 7);
}

TEST_CASE("a disabled site stores nothing", "[storability]") {
  PolicyOptions options;
  options.enabled = false;
  CHECK(why_not({{"Cache-Control", "max-age=60"}}, options) == "disabled");
}

namespace {

// "" when the answer to a POST may answer later GETs, else why not.
std::string why_not_posted(int status, Rows response, bool names_target = true,
                           const http::RequestHead& request = request_of({}, Method::post)) {
  return why_not(judge_post_response(request, request_policy(request), response_of(status, response),
                                     names_target, noon, noon, {}));
}

}  // namespace

TEST_CASE("an answer to POST is storable when it says how long and that it is the target itself",
          "[storability][post]") {
  constexpr std::pair<std::string_view, std::string_view> fresh = {"Cache-Control", "max-age=60"};
  CHECK(why_not_posted(200, {fresh}) == "");
  CHECK(why_not_posted(200, {{"Expires", "Fri, 07 Jun 2024 13:00:00 GMT"}}) == "");
  CHECK(why_not_posted(200, {{"CDN-Cache-Control", "s-maxage=60"}}) == "");
  CHECK(why_not_posted(200, {fresh}, false) == "method");
  CHECK(why_not_posted(201, {fresh}) == "method");
  CHECK(why_not_posted(303, {fresh}) == "method");
  CHECK(why_not_posted(200, {{"Last-Modified", "Thu, 06 Jun 2024 12:00:00 GMT"}}) == "method");
  CHECK(why_not_posted(200, {{"ETag", "\"a\""}}) == "method");
  CHECK(why_not_posted(
            200, {{"CDN-Cache-Control", "public"}, {"Expires", "Fri, 07 Jun 2024 13:00:00 GMT"}}) != "");
  CHECK(why_not_posted(200, {{"Cache-Control", "max-age=60, private"}}) == "private");
  CHECK(why_not_posted(200, {{"Cache-Control", "max-age=60, no-store"}}) == "no_store");
  CHECK(why_not_posted(200, {fresh}, true, request_of({}, Method::put)) == "method");
  CHECK(why_not_posted(200, {fresh}, true, request_of({{"Authorization", "x"}}, Method::post)) ==
        "authorization");
  CHECK(why_not_posted(200, {fresh}, true, request_of({{"Cache-Control", "no-store"}}, Method::post)) ==
        "request_no_store");
}

TEST_CASE("the answer to a POST with content is judged like the GETs that it is for", "[storability][post]") {
  http::RequestHead request = request_of({{"Content-Length", "5"}}, Method::post);
  request.framing = http::Framing::length;
  request.content_length = 5;
  CHECK(why_not_posted(200, {{"Cache-Control", "max-age=60"}}, true, request) == "");
}
