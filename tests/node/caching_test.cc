// What a whole node stores, reuses and validates (RFC 9111), against a scripted origin.
#include <catch2/catch_test_macros.hpp>

#include "edge/http/date.h"
#include "tests/node/support/cluster.h"

namespace perigee::test {
namespace {

using namespace std::chrono_literals;

std::string pattern(size_t size) {
  std::string bytes(size, '\0');
  for (size_t i = 0; i < size; ++i) bytes[i] = static_cast<char>('a' + (i * 7 + i / 251) % 26);
  return bytes;
}

std::string http_date(WallTime time) {
  char text[http::date_bytes];
  return std::string(http::format_date(unix_seconds(time), text));
}

TEST_CASE("what the origin calls fresh is asked for once", "[node][caching]") {
  Cluster cluster;
  cluster.origin().on("/a").reply(200).max_age(60).body("hello");
  cluster.get("eu-1", "/a").expect(200).miss().body("hello");
  cluster.get("eu-1", "/a").expect(200).hit().body("hello");
  REQUIRE(cluster.origin().count("GET", "/a") == 1);
  REQUIRE(cluster.metric("eu-1", Metric::requests_hit) == 1);
  REQUIRE(cluster.metric("eu-1", Metric::requests_miss) == 1);
}

TEST_CASE("a hit tells its age and what is left of its freshness", "[node][caching]") {
  Cluster cluster;
  cluster.origin().on("/a").reply(200).max_age(60).body("hello");
  cluster.get("eu-1", "/a")
      .without("age")
      .field("cache-status", "eu-1; fwd=uri-miss; fwd-status=200; stored");
  cluster.advance(7s);
  cluster.get("eu-1", "/a")
      .hit()
      .field("age", "7")
      .field("cache-status", "eu-1; hit; ttl=53")
      .field("via", "1.1 eu-1");
}

TEST_CASE("a lifetime that is over is asked for again", "[node][caching]") {
  Cluster cluster;
  cluster.origin().on("/a").reply(200).max_age(60).body("old");
  cluster.get("eu-1", "/a").miss();
  cluster.origin().on("/a").reply(200).max_age(60).body("new");
  cluster.advance(61s);
  cluster.get("eu-1", "/a").expect(200).forwarded("stale").body("new");
  cluster.get("eu-1", "/a").hit().body("new");
  REQUIRE(cluster.origin().count("GET", "/a") == 2);
}

TEST_CASE("every way to say a lifetime is understood", "[node][caching]") {
  Cluster cluster;
  const WallTime now = cluster.world().wall_now();
  struct Case {
    std::string path;
    std::string name;
    std::string value;
    bool fresh_after_61s;
  };
  const std::vector<Case> cases = {
      {"/s-maxage", "cache-control", "max-age=1, s-maxage=100", true},
      {"/s-maxage-less", "cache-control", "max-age=100, s-maxage=1", false},
      {"/cdn", "cdn-cache-control", "max-age=100", true},
      {"/expires", "expires", http_date(now + 100s), true},
      {"/expires-soon", "expires", http_date(now + 30s), false},
      {"/expires-zero", "expires", "0", false},
  };
  for (const Case& each : cases) {
    cluster.origin().on(each.path).reply(200).field(each.name, each.value).body("x");
    cluster.get("eu-1", each.path).expect(200);
  }
  cluster.advance(61s);
  for (const Case& each : cases) {
    INFO(each.path);
    REQUIRE(cluster.get("eu-1", each.path).expect(200).answer().hit() == each.fresh_after_61s);
  }
}

TEST_CASE("what must not be shared is asked for every time", "[node][caching]") {
  Cluster cluster;
  const std::vector<std::pair<std::string, std::string>> cases = {{"/no-store", "no-store"},
                                                                  {"/private", "private, max-age=60"},
                                                                  {"/zero", "max-age=0"},
                                                                  {"/silent", "public"}};
  for (const auto& [path, control] : cases) {
    INFO(path);
    cluster.origin().on(path).reply(200).field("cache-control", control).body("x");
    for (int i = 0; i < 3; ++i) REQUIRE(!cluster.get("eu-1", path).expect(200).body("x").answer().hit());
    REQUIRE(cluster.origin().count("GET", path) == 3);
  }
}

TEST_CASE("no-cache is stored and validated before every use", "[node][caching]") {
  Cluster cluster;
  cluster.origin()
      .on("/a")
      .reply(200)
      .field("cache-control", "no-cache, max-age=60")
      .etag("\"1\"")
      .body("hello");
  cluster.get("eu-1", "/a").expect(200).body("hello");
  cluster.get("eu-1", "/a").expect(200).body("hello");
  REQUIRE(cluster.origin().count("GET", "/a") == 2);
  REQUIRE(cluster.origin().last().header("if-none-match") == "\"1\"");
}

TEST_CASE("a 304 makes a stale response fresh again and its body is not sent twice",
          "[node][caching][validation]") {
  Cluster cluster;
  cluster.origin().on("/a").reply(200).max_age(60).etag("\"1\"").body("hello");
  cluster.get("eu-1", "/a").miss();
  cluster.advance(61s);
  cluster.get("eu-1", "/a").expect(200).forwarded("stale").body("hello");
  REQUIRE(cluster.origin().count("GET", "/a") == 2);
  REQUIRE(cluster.origin().last().header("if-none-match") == "\"1\"");
  REQUIRE(cluster.metric(Metric::requests_revalidated) == 1);
  REQUIRE(cluster.metric(Metric::upstream_bytes_origin) == 5);
  cluster.advance(30s);
  cluster.get("eu-1", "/a").expect(200).hit().field("age", "30");
}

TEST_CASE("the fields of a 304 replace the stored ones", "[node][caching][validation]") {
  Cluster cluster;
  cluster.origin().on("/a").reply(200).max_age(60).etag("\"1\"").field("x-version", "1").body("hello");
  cluster.get("eu-1", "/a").field("x-version", "1");
  cluster.origin().on("/a").reply(200).max_age(600).etag("\"1\"").field("x-version", "2").body("hello");
  cluster.advance(61s);
  cluster.get("eu-1", "/a").expect(200).field("x-version", "2").body("hello");
  cluster.advance(500s);
  cluster.get("eu-1", "/a").hit().field("x-version", "2");
}

TEST_CASE("a changed validator replaces what was stored", "[node][caching][validation]") {
  Cluster cluster;
  cluster.origin().on("/a").reply(200).max_age(60).etag("\"1\"").body("one");
  cluster.get("eu-1", "/a").miss();
  cluster.origin().on("/a").reply(200).max_age(60).etag("\"2\"").body("two");
  cluster.advance(61s);
  cluster.get("eu-1", "/a").expect(200).body("two").field("etag", "\"2\"");
  cluster.get("eu-1", "/a").hit().body("two");
}

TEST_CASE("a stale response is served while one request validates it", "[node][caching][swr]") {
  Cluster cluster;
  cluster.origin()
      .on("/a")
      .reply(200)
      .field("cache-control", "max-age=60, stale-while-revalidate=30")
      .body("old");
  cluster.get("eu-1", "/a").miss();
  cluster.origin().on("/a").reply(200).max_age(60).delay(5s).body("new");
  cluster.advance(70s);
  for (int i = 0; i < 3; ++i) cluster.get("eu-1", "/a").expect(200).hit().body("old");
  REQUIRE(cluster.origin().count("GET", "/a") == 2);
  cluster.advance(6s);
  cluster.get("eu-1", "/a").expect(200).hit().body("new");
  REQUIRE(cluster.origin().count("GET", "/a") == 2);
}

TEST_CASE("beyond stale-while-revalidate the client waits", "[node][caching][swr]") {
  Cluster cluster;
  cluster.origin()
      .on("/a")
      .reply(200)
      .field("cache-control", "max-age=60, stale-while-revalidate=30")
      .body("old");
  cluster.get("eu-1", "/a").miss();
  cluster.origin().on("/a").reply(200).max_age(60).body("new");
  cluster.advance(91s);
  cluster.get("eu-1", "/a").expect(200).forwarded("stale").body("new");
}

// RFC 9211 2.1: it went forward, so it is no hit.
constexpr std::string_view stale_on_error = "eu-1; fwd=stale; ttl=-1; detail=stale-if-error";

TEST_CASE("a dead origin is not seen while stale-if-error lasts", "[node][caching][stale-if-error]") {
  Cluster cluster(Setup().site("[site.cache]\nstale_if_disconnected = \"0s\"\n"));
  cluster.origin().on("/a").reply(200).field("cache-control", "max-age=60, stale-if-error=100").body("hello");
  cluster.get("eu-1", "/a").miss();
  cluster.origin().crash();
  cluster.advance(61s);
  cluster.get("eu-1", "/a").expect(200).body("hello").field("cache-status", stale_on_error);
  cluster.advance(100s);
  cluster.get("eu-1", "/a").expect(502);
}

TEST_CASE("an origin that fails is not seen while stale-if-error lasts", "[node][caching][stale-if-error]") {
  for (const int status : {500, 502, 503, 504}) {
    INFO(status);
    Cluster cluster;
    cluster.origin()
        .on("/a")
        .reply(200)
        .field("cache-control", "max-age=60, stale-if-error=100")
        .body("hello");
    cluster.origin().on("/b").reply(200).max_age(60).body("hello");
    cluster.get("eu-1", "/a").miss();
    cluster.get("eu-1", "/b").miss();
    cluster.origin().on("/a").reply(status).body("broken");
    cluster.origin().on("/b").reply(status).body("broken");
    cluster.advance(61s);
    cluster.get("eu-1", "/a").expect(200).body("hello").field("cache-status", stale_on_error);
    cluster.get("eu-1", "/b").expect(status).body("broken");
  }
}

TEST_CASE("an origin that is gone leaves a site with what was stored, by default for a day",
          "[node][caching][stale-if-error]") {
  Cluster cluster;
  cluster.origin().on("/a").reply(200).max_age(60).body("hello");
  cluster.origin().on("/must").reply(200).field("cache-control", "max-age=60, must-revalidate").body("hello");
  cluster.get("eu-1", "/a").miss();
  cluster.get("eu-1", "/must").miss();
  cluster.origin().crash();
  cluster.advance(2h);
  cluster.get("eu-1", "/a").expect(200).forwarded("stale").body("hello");
  cluster.get("eu-1", "/must").expect(502);
  cluster.advance(24h);
  cluster.get("eu-1", "/a").expect(502);
}

TEST_CASE("variants are kept apart by the fields that Vary names", "[node][caching][vary]") {
  Cluster cluster;
  cluster.origin().on("/a").reply(200).max_age(60).field("vary", "Accept-Language").echo_language();
  const std::string en =
      cluster.get("eu-1", "/a", {{"accept-language", "en"}}).expect(200).miss().answer().body;
  const std::string de =
      cluster.get("eu-1", "/a", {{"accept-language", "de"}}).expect(200).forwarded("vary-miss").answer().body;
  REQUIRE(en == "en#0");
  REQUIRE(de == "de#1");
  cluster.get("eu-1", "/a", {{"accept-language", "en"}}).hit().body(en);
  cluster.get("eu-1", "/a", {{"accept-language", "de"}}).hit().body(de);
  cluster.get("eu-1", "/a").expect(200).forwarded("vary-miss").body("#2");
  REQUIRE(cluster.origin().count("GET", "/a") == 3);
}

TEST_CASE("Vary: * is never reused", "[node][caching][vary]") {
  Cluster cluster;
  cluster.origin().on("/a").reply(200).max_age(60).field("vary", "*").body("x");
  for (int i = 0; i < 3; ++i) REQUIRE(!cluster.get("eu-1", "/a").expect(200).answer().hit());
  REQUIRE(cluster.origin().count("GET", "/a") == 3);
}

TEST_CASE("an answer to Authorization is shared only when it is marked so", "[node][caching]") {
  Cluster cluster;
  const Headers who = {{"authorization", "Basic YTpi"}};
  cluster.origin().on("/a").reply(200).max_age(60).body("secret");
  cluster.get("eu-1", "/a", who).expect(200).body("secret");
  REQUIRE(!cluster.get("eu-1", "/a", who).expect(200).answer().hit());
  REQUIRE(!cluster.get("eu-1", "/a").expect(200).answer().hit());
  REQUIRE(cluster.origin().count("GET", "/a") == 3);
  cluster.origin().on("/public").reply(200).field("cache-control", "public, max-age=60").body("open");
  cluster.get("eu-1", "/public", who).expect(200);
  cluster.get("eu-1", "/public").expect(200).hit();
}

TEST_CASE("an answer with Set-Cookie needs a lifetime of its own to be stored", "[node][caching]") {
  Cluster cluster(Setup().site("[site.cache]\ndefault_freshness = \"1h\"\n"));
  cluster.origin().on("/default").reply(200).field("set-cookie", "a=1").body("x");
  cluster.origin().on("/said").reply(200).max_age(60).field("set-cookie", "a=1").body("x");
  for (int i = 0; i < 2; ++i)
    REQUIRE(!cluster.get("eu-1", "/default").expect(200).field("set-cookie", "a=1").answer().hit());
  cluster.get("eu-1", "/said").expect(200);
  cluster.get("eu-1", "/said").expect(200).hit();
}

TEST_CASE("what is known not to be storable is not waited for", "[node][caching][hit-for-miss]") {
  Cluster cluster;
  cluster.origin().on("/a").reply(200).field("cache-control", "private").delay(1s).body("mine");
  cluster.get("eu-1", "/a").expect(200);
  REQUIRE(cluster.metric(Metric::fills_collapsed) == 0);
  TestConnection& first = cluster.ask("eu-1", "/a");
  TestConnection& second = cluster.ask("eu-1", "/a");
  cluster.run();
  REQUIRE(cluster.origin().count("GET", "/a") == 3);
  cluster.run_until([&] { return first.answers() == 1 && second.answers() == 1; });
  REQUIRE(cluster.metric(Metric::hit_for_miss) == 2);
  REQUIRE(cluster.metric(Metric::fills_collapsed) == 0);
}

TEST_CASE("a marker of hit-for-miss goes when the answer becomes storable", "[node][caching][hit-for-miss]") {
  Cluster cluster;
  cluster.origin().on("/a").reply(200).field("cache-control", "private").body("mine");
  cluster.get("eu-1", "/a").expect(200);
  cluster.origin().on("/a").reply(200).max_age(60).body("ours");
  cluster.get("eu-1", "/a").expect(200).body("ours");
  cluster.advance(121s);
  cluster.get("eu-1", "/a").expect(200).body("ours");
  cluster.get("eu-1", "/a").expect(200).hit().body("ours");
}

TEST_CASE("HEAD is answered from a stored GET, without content", "[node][caching]") {
  for (const size_t size : {size_t{1000}, size_t{300'000}}) {
    Cluster cluster;
    cluster.origin().on("/a").reply(200).max_age(60).body(pattern(size));
    cluster.get("eu-1", "/a").miss();
    cluster.request("eu-1", "HEAD", "/a")
        .expect(200)
        .hit()
        .body("")
        .field("content-length", std::to_string(size));
    REQUIRE(cluster.origin().requests().size() == 1);
  }
}

TEST_CASE("a HEAD that goes onward stores nothing and a GET behind it is whole", "[node][caching]") {
  Cluster cluster;
  cluster.origin().on("/a").reply(200).max_age(60).body("hello");
  cluster.request("eu-1", "HEAD", "/a").expect(200).body("").field("content-length", "5");
  cluster.get("eu-1", "/a").expect(200).body("hello");
  cluster.get("eu-1", "/a").expect(200).hit().body("hello");
}

TEST_CASE("conditions of a client are answered from the store", "[node][caching][conditional]") {
  Cluster cluster;
  const WallTime now = cluster.world().wall_now();
  const std::string modified = http_date(now - 1000s);
  cluster.origin()
      .on("/a")
      .reply(200)
      .max_age(60)
      .etag("\"1\"")
      .field("last-modified", modified)
      .body("hello");
  cluster.get("eu-1", "/a").miss();
  cluster.get("eu-1", "/a", {{"if-none-match", "\"1\""}}).expect(304).body("").field("etag", "\"1\"");
  cluster.get("eu-1", "/a", {{"if-none-match", "\"2\""}}).expect(200).hit().body("hello");
  cluster.get("eu-1", "/a", {{"if-modified-since", modified}}).expect(304).body("");
  cluster.get("eu-1", "/a", {{"if-modified-since", http_date(now - 2000s)}}).expect(200).body("hello");
  cluster.get("eu-1", "/a", {{"if-none-match", "*"}}).expect(304).body("");
  REQUIRE(cluster.origin().count("GET", "/a") == 1);
}

TEST_CASE("a conditional request for a cold URL fills the store all the same",
          "[node][caching][conditional]") {
  Cluster cluster;
  cluster.origin().on("/a").reply(200).max_age(60).etag("\"1\"").body("hello");
  cluster.get("eu-1", "/a", {{"if-none-match", "\"1\""}}).expect(304).body("");
  REQUIRE(cluster.origin().last().header("if-none-match").empty());
  cluster.run();
  cluster.get("eu-1", "/a").expect(200).hit().body("hello");
}

TEST_CASE("single ranges are cut from what is stored, small and large", "[node][caching][range]") {
  for (const size_t size : {size_t{1000}, size_t{300'000}}) {
    INFO(size);
    Cluster cluster;
    const std::string all = pattern(size);
    const std::string total = "/" + std::to_string(size);
    const std::string last = std::to_string(size - 1);
    cluster.origin().on("/a").reply(200).max_age(60).etag("\"1\"").body(all);
    cluster.get("eu-1", "/a").miss().body(all);
    cluster.get("eu-1", "/a", {{"range", "bytes=0-9"}})
        .expect(206)
        .hit()
        .body(all.substr(0, 10))
        .field("content-range", "bytes 0-9" + total);
    cluster.get("eu-1", "/a", {{"range", "bytes=990-"}})
        .expect(206)
        .body(all.substr(990))
        .field("content-range", "bytes 990-" + last + total);
    cluster.get("eu-1", "/a", {{"range", "bytes=-5"}}).expect(206).body(all.substr(size - 5));
    cluster.get("eu-1", "/a", {{"range", "bytes=0-9"}, {"if-range", "\"1\""}})
        .expect(206)
        .body(all.substr(0, 10));
    cluster.get("eu-1", "/a", {{"range", "bytes=0-9"}, {"if-range", "\"2\""}}).expect(200).body(all);
    cluster.get("eu-1", "/a", {{"range", "bytes=900000-"}})
        .expect(416)
        .field("content-range", "bytes *" + total);
    cluster.get("eu-1", "/a", {{"range", "furlongs=0-9"}}).expect(200).body(all);
    REQUIRE(cluster.origin().count("GET", "/a") == 1);
  }
}

TEST_CASE("a range of a cold URL is passed on and not stored as the whole", "[node][caching][range]") {
  Cluster cluster;
  cluster.origin().on("/a").reply(200).max_age(60).etag("\"1\"").body("0123456789");
  cluster.get("eu-1", "/a", {{"range", "bytes=5-"}}).expect(206).body("56789");
  cluster.get("eu-1", "/a").expect(200).body("0123456789");
}

TEST_CASE("large bodies come back as they went in", "[node][caching]") {
  Cluster cluster;
  const std::string all = pattern(1'500'000);
  cluster.origin().on("/plain").reply(200).max_age(60).body(all);
  cluster.origin().on("/chunked").reply(200).max_age(60).chunked().body(all);
  for (const std::string path : {"/plain", "/chunked"}) {
    INFO(path);
    cluster.get("eu-1", path).expect(200).miss().body(all);
    cluster.get("eu-1", path).expect(200).hit().body(all).field("content-length", std::to_string(all.size()));
  }
}

TEST_CASE("a PUT passes through with its content and removes what was stored of its URL",
          "[node][caching][invalidation]") {
  Cluster cluster;
  cluster.origin().on("/a").reply(200).max_age(60).body("old");
  cluster.get("eu-1", "/a").miss();
  cluster.origin().on("/a").reply(204);
  cluster.request("eu-1", "PUT", "/a", {}, "new content").expect(204).forwarded("method");
  REQUIRE(cluster.origin().last().body == "new content");
  REQUIRE(cluster.origin().last().header("content-length") == "11");
  cluster.origin().on("/a").reply(200).max_age(60).body("new");
  cluster.get("eu-1", "/a").expect(200).miss().body("new");
}

TEST_CASE("an unsafe method that succeeds removes the URLs its answer points to, on the same host only",
          "[node][caching][invalidation]") {
  Cluster cluster;
  for (const std::string path : {"/form", "/list", "/item", "/other"}) {
    cluster.origin().on(path).reply(200).max_age(60).body("old");
    cluster.get("eu-1", path).miss();
  }
  cluster.origin()
      .on("/form")
      .reply(201)
      .field("location", "http://a.example/item")
      .field("content-location", "list");
  cluster.request("eu-1", "POST", "/form", {}, "x=1").expect(201);
  cluster.origin().on("/form").reply(200).field("location", "http://b.example/other");
  cluster.request("eu-1", "POST", "/form", {}, "x=1").expect(200);
  REQUIRE(!cluster.get("eu-1", "/item").expect(200).answer().hit());
  REQUIRE(!cluster.get("eu-1", "/list").expect(200).answer().hit());
  REQUIRE(cluster.get("eu-1", "/other").expect(200).answer().hit());
}

TEST_CASE("an unsafe method that fails, or a safe one, removes nothing", "[node][caching][invalidation]") {
  Cluster cluster;
  cluster.origin().on("/a").reply(200).max_age(60).body("old");
  cluster.get("eu-1", "/a").miss();
  cluster.origin().on("/a").reply(500);
  cluster.request("eu-1", "DELETE", "/a").expect(500);
  cluster.origin().on("/a").reply(404);
  cluster.request("eu-1", "PUT", "/a", {}, "x").expect(404);
  cluster.origin().on("/a").reply(200);
  cluster.request("eu-1", "OPTIONS", "/a").expect(200);
  cluster.get("eu-1", "/a").expect(200).hit().body("old");
}

TEST_CASE("what a client demands of freshness is respected", "[node][caching]") {
  Cluster cluster;
  cluster.origin().on("/a").reply(200).max_age(60).etag("\"1\"").body("hello");
  cluster.get("eu-1", "/b", {{"cache-control", "only-if-cached"}}).expect(504);
  cluster.get("eu-1", "/a").miss();
  cluster.advance(30s);
  cluster.get("eu-1", "/a", {{"cache-control", "max-age=10"}}).expect(200).forwarded("request");
  cluster.get("eu-1", "/a", {{"cache-control", "no-cache"}}).expect(200).forwarded("request");
  cluster.get("eu-1", "/a", {{"cache-control", "only-if-cached"}}).expect(200).hit();
  cluster.advance(70s);
  cluster.get("eu-1", "/a", {{"cache-control", "max-stale=20"}}).expect(200).hit();
  REQUIRE(cluster.origin().count("GET", "/a") == 3);
  REQUIRE(cluster.origin().count("GET", "/b") == 0);
}

}  // namespace
}  // namespace perigee::test
