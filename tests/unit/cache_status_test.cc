#include "edge/http/cache_status.h"

#include <catch2/catch_test_macros.hpp>

#include "edge/http/proxy_status.h"
#include "edge/http/structured_fields.h"

using namespace perigee::http;

namespace {

std::string written(const CacheStatus& status, size_t room = cache_status_bytes) {
  std::string buffer(room, '#');
  return std::string(write_cache_status(status, buffer));
}
std::string written(const ProxyStatus& status, size_t room = proxy_status_bytes) {
  std::string buffer(room, '#');
  return std::string(write_proxy_status(status, buffer));
}

}  // namespace

TEST_CASE("Cache-Status says what the cache did", "[cache-status]") {
  CHECK(written({.cache = "perigee", .hit = true, .ttl = 376}) == "perigee; hit; ttl=376");
  CHECK(written({.cache = "perigee", .hit = true, .ttl = -12}) == "perigee; hit; ttl=-12");
  CHECK(written({.cache = "eu-1.example:80",
                 .fwd = "uri-miss",
                 .fwd_status = 200,
                 .ttl = 60,
                 .stored = true,
                 .collapsed = true}) ==
        "eu-1.example:80; fwd=uri-miss; fwd-status=200; ttl=60; stored; collapsed");
  CHECK(written({.cache = "1st cache", .fwd = "bypass", .key = "https://a/?\"b\\", .detail = "token"}) ==
        "\"1st cache\"; fwd=bypass; key=\"https://a/?\\\"b\\\\\"; detail=token");
  CHECK(written({.cache = "a", .detail = "two words"}) == "a; detail=\"two words\"");
}

TEST_CASE("what does not fit or has no form is left out whole", "[cache-status]") {
  CHECK(written({.cache = "abc", .hit = true, .ttl = 376}, 8) == "abc; hit");
  CHECK(written({.cache = "abc", .hit = true, .ttl = 376}, 7) == "abc");
  CHECK(written({.cache = "abc", .hit = true}, 2) == "");
  CHECK(written({.cache = "abc", .fwd = "not a token", .key = "\xc3\xa9"}) == "abc");
  CHECK(written({.cache = "a", .key = std::string(300, 'k'), .detail = "d"}) == "a; detail=d");
}

TEST_CASE("whatever the room, what is written is a well-formed member", "[cache-status]") {
  for (size_t room = 1; room < 120; ++room) {
    const std::string text = written(CacheStatus{.cache = "a b",
                                                 .fwd = "stale",
                                                 .fwd_status = 304,
                                                 .ttl = 5,
                                                 .stored = true,
                                                 .key = "k\"\\",
                                                 .detail = "x y"},
                                     room);
    INFO(room << ": " << text);
    REQUIRE(text.size() <= room);
    REQUIRE((text.empty() || sf::parse_item(text).has_value()));
  }
}

TEST_CASE("Proxy-Status names the error and the next hop", "[proxy-status]") {
  CHECK(written(ProxyStatus{
            .proxy = "perigee", .error = ProxyError::connection_timeout, .next_hop = "10.0.0.1:80"}) ==
        "perigee; error=connection_timeout; next-hop=\"10.0.0.1:80\"");
  CHECK(written(ProxyStatus{.proxy = "perigee", .received_status = 503, .details = "slow"}) ==
        "perigee; received-status=503; details=\"slow\"");
  CHECK(recommended_status(ProxyError::http_response_timeout) == 504);
  CHECK(recommended_status(ProxyError::connection_refused) == 502);
  CHECK(to_string(ProxyError::proxy_loop_detected) == "proxy_loop_detected");
  CHECK(to_string(ProxyError::none) == "");
}
