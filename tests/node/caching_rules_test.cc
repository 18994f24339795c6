// Rules of the caching standards as tables: what an answer says, and whether the next request is answered
// from the store. Each row is a whole node in front of an origin.
#include <catch2/catch_test_macros.hpp>

#include "edge/http/date.h"
#include "tests/node/support/cluster.h"
#include "tests/node/support/raw_origin.h"

namespace perigee::test {
namespace {

using namespace std::chrono_literals;

// The time at which the world of a test begins, so that tables can name dates.
std::string at(Duration from_now) {
  static const WallTime now = Cluster().world().wall_now();
  char text[http::date_bytes];
  const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(from_now);
  return std::string(http::format_date(unix_seconds(now + ms), text));
}

struct Row {
  Headers fields;
  bool reused;
  Duration later = 3s;
  int status = 200;
};

std::string text_of(const Row& row) {
  std::string text = std::to_string(row.status);
  for (const auto& [name, value] : row.fields) text += " | " + name + ": " + value;
  return text;
}

void check(const std::vector<Row>& rows, const Headers& first = {}, const Headers& second = {}) {
  for (const Row& row : rows) {
    INFO(text_of(row));
    Cluster cluster;
    Script& script = cluster.origin().on("/a").reply(row.status);
    for (const auto& [name, value] : row.fields) script.field(name, value);
    if (row.status != 204) script.body("x");
    cluster.get("eu-1", "/a", first).expect(row.status);
    cluster.advance(row.later);
    CHECK(cluster.get("eu-1", "/a", second).expect(row.status).answer().hit() == row.reused);
  }
}

const std::string cdn = "cdn-cache-control";
const std::string control = "cache-control";

}  // namespace

TEST_CASE("CDN-Cache-Control decides alone where it is a dictionary (RFC 9213 2)",
          "[node][rules][targeted]") {
  check({
      {{{cdn, "max-age=3600"}}, true},
      {{{cdn, "max-age=2147483648"}}, true},
      {{{cdn, "max-age=99999999999"}}, true},
      {{{cdn, "max-age=3600"}, {"date", at(0s)}, {"age", "7200"}}, false},
      {{{cdn, "max-age=3600"}, {"date", at(0s)}, {"age", "3000"}}, true},
      {{{cdn, "max-age=0"}}, false},
      {{{cdn, "foobar, max-age=3600"}}, true},
      {{{cdn, "max-age=3600"}, {"expires", at(-10000s)}, {"date", at(0s)}}, true},
      {{{cdn, "max-age=3600"}, {"expires", "0"}}, true},
      {{{cdn, "max-age=0"}, {"expires", at(10000s)}, {"date", at(0s)}}, false},
      {{{control, "max-age=1"}, {cdn, "max-age=3600"}}, true},
      {{{control, "max-age=3600"}, {cdn, "max-age=1"}}, false},
      {{{control, "no-store"}, {cdn, "max-age=3600"}}, true},
      {{{control, "private"}, {cdn, "max-age=3600"}}, true},
      {{{control, "max-age=3600"}, {cdn, "no-store"}}, false},
      {{{control, "max-age=3600"}, {cdn, "private"}}, false},
      {{{control, "max-age=3600"}, {cdn, "no-cache"}}, false},
      {{{control, "max-age=3600"}, {cdn, "s-maxage=1, max-age=3600"}}, false},
      // No dictionary: Cache-Control decides.
      {{{control, "max-age=3600"}, {cdn, "max-age=0, &&&"}}, true},
      {{{control, "no-store"}, {cdn, "max-age=3600, &&&"}}, false},
      {{{control, "max-age=3600"}, {cdn, ""}}, true},
      {{{control, "max-age=1"}, {cdn, "max-age =3600"}}, false},
      {{{control, "max-age=1"}, {cdn, "max-age= 3600"}}, false},
      {{{control, "max-age=1"}, {cdn, "MaX-aGe=3600"}}, false},
      // A dictionary whose lifetime is none: nothing to rely on.
      {{{control, "no-store"}, {cdn, "max-age=\"3600\""}}, false},
      {{{control, "max-age=3600"}, {cdn, "max-age=\"3600\""}}, false},
      {{{control, "max-age=3600"}, {cdn, "max-age=3600.0"}}, false},
      {{{control, "max-age=3600"}, {cdn, "max-age"}}, false},
      // What names no directive we know still decides alone; the rest is a guess (RFC 9213 3.1).
      {{{control, "no-store"}, {cdn, "none"}, {"last-modified", at(-100s)}, {"date", at(0s)}}, true},
      {{{control, "max-age=3600"}, {cdn, "none"}}, false},
      // All lines are one dictionary, and the last of a key counts (RFC 9651 4.2.2).
      {{{cdn, "max-age=1"}, {cdn, "max-age=3600"}}, true},
      {{{cdn, "max-age=3600"}, {cdn, "max-age=1"}}, false},
      {{{cdn, "max-age=3600;x=1;y"}}, true},
      // Any other target is not this cache.
      {{{control, "max-age=3600"}, {"other-cache-control", "no-store"}}, true},
  });
}

TEST_CASE("a targeted field goes on to whoever comes next", "[node][rules][targeted]") {
  Cluster cluster;
  cluster.origin().on("/a").reply(200).field(cdn, "max-age=60").field(control, "max-age=5").body("x");
  for (int i = 0; i < 2; ++i) cluster.get("eu-1", "/a").field(cdn, "max-age=60").field(control, "max-age=5");
}

TEST_CASE("an Age on arrival counts (RFC 9111 4.2.3), and one that says nothing certain makes stale",
          "[node][rules][age]") {
  check({
      {{{control, "max-age=3600"}, {"age", "1800"}}, true},
      {{{control, "max-age=3600"}, {"age", "3596"}}, true},
      {{{control, "max-age=3600"}, {"age", "3598"}}, false},
      {{{control, "max-age=3600"}, {"age", "7200"}}, false},
      {{{control, "max-age=3600"}, {"age", "99999999999"}}, false},
      {{{control, "max-age=3600"}, {"date", at(-1800s)}}, true},
      {{{control, "max-age=3600"}, {"date", at(-7200s)}}, false},
      {{{control, "max-age=3600"}, {"date", at(-7200s)}, {"age", "0"}}, false},
      {{{control, "max-age=3600"}, {"date", at(7200s)}}, true},
      {{{"expires", at(3600s)}, {"date", at(0s)}, {"age", "1800"}}, true},
      {{{"expires", at(3600s)}, {"date", at(0s)}, {"age", "7200"}}, false},
      // A clock that is wrong at the origin moves Expires with Date.
      {{{"expires", at(-3600s)}, {"date", at(-7200s)}, {"age", "0"}}, false},
      {{{"expires", at(10000s)}, {"date", at(9000s)}}, true},
      {{{control, "max-age=3600"}, {"age", "abc"}}, false},
      {{{control, "max-age=3600"}, {"age", "-1"}}, false},
      {{{control, "max-age=3600"}, {"age", "7200.0"}}, false},
      {{{control, "max-age=3600"}, {"age", "0"}, {"age", "7200"}}, false},
  });
}

TEST_CASE("a hit adds the time it was stored to the Age it came with", "[node][rules][age]") {
  Cluster cluster;
  cluster.origin().on("/a").reply(200).max_age(3600).field("age", "100").body("x");
  cluster.get("eu-1", "/a").miss();
  cluster.advance(20s);
  cluster.get("eu-1", "/a").hit().field("age", "120");
}

TEST_CASE(
    "Age is told by what was stored or shared, not by what the origin made for this request (RFC 9111 5.1)",
    "[node][rules][age]") {
  Cluster cluster;
  cluster.origin().on("/a").reply(200).max_age(60).delay(2s).body("x");
  TestConnection& first = cluster.ask("eu-1", "/a");
  cluster.advance(1s);
  TestConnection& second = cluster.ask("eu-1", "/a");
  cluster.run_until([&] { return first.answers() == 1 && second.answers() == 1; });
  Reply(first.answer(0)).expect(200).without("age");
  CHECK_FALSE(Reply(second.answer(0)).expect(200).answer().header("age").empty());
  cluster.get("eu-1", "/a").hit().field("age", "2");
  // Behind another cache it goes on, stored here or not.
  for (const std::string& word : {std::string("no-store"), std::string("max-age=60")}) {
    cluster.origin().on("/b").reply(200).field(control, word).field("age", "7").body("x");
    cluster.get("eu-1", "/b").expect(200).field("age", "7");
  }
}

TEST_CASE("the time an answer took counts as age", "[node][rules][age]") {
  Cluster cluster;
  cluster.origin().on("/a").reply(200).max_age(60).field("age", "10").delay(5s).body("x");
  TestConnection& client = cluster.ask("eu-1", "/a");
  cluster.run_until([&] { return client.answers() == 1; });
  cluster.get("eu-1", "/a").hit().field("age", "15");
}

TEST_CASE("a guess is made for statuses that allow it, from Last-Modified (RFC 9111 4.2.2)",
          "[node][rules][heuristic]") {
  std::vector<Row> rows;
  for (const int status : {200, 203, 204, 300, 301, 308, 404, 405, 410, 414, 501}) {
    rows.push_back({{{"last-modified", at(-100s)}, {"date", at(0s)}}, true, 8s, status});
    rows.push_back({{{"last-modified", at(-100s)}, {"date", at(0s)}}, false, 11s, status});
  }
  for (const int status : {201, 202, 302, 307, 400, 403, 451, 500, 502, 503, 504, 299, 599}) {
    rows.push_back({{{"last-modified", at(-100s)}, {"date", at(0s)}}, false, 8s, status});
    rows.push_back({{{"last-modified", at(-100s)}, {"date", at(0s)}, {control, "public"}}, true, 8s, status});
  }
  rows.push_back({{{"last-modified", at(-100s)}, {"date", at(0s)}, {control, "no-cache"}}, false, 0s});
  rows.push_back({{{"last-modified", at(100s)}, {"date", at(0s)}}, false, 0s});
  check(rows);
}

TEST_CASE("any final status is kept with a lifetime, but for those that answer one request alone",
          "[node][rules][status]") {
  std::vector<Row> rows;
  for (const int status : {200, 203, 204, 299, 300, 301, 302, 303, 305, 307, 308, 399, 400, 403,
                           404, 405, 410, 414, 418, 451, 499, 500, 501, 502, 503, 504, 599}) {
    rows.push_back({{{control, "max-age=60"}}, true, 30s, status});
    rows.push_back({{{control, "max-age=60"}}, false, 61s, status});
  }
  for (const int status : {401, 407, 411, 412, 415, 417, 428, 429, 431, 511}) {
    rows.push_back({{{control, "max-age=60"}}, false, 1s, status});
  }
  check(rows);
}

TEST_CASE("must-understand outweighs no-store for what is understood (RFC 9111 5.2.2.3)",
          "[node][rules][status]") {
  check({
      {{{control, "max-age=60, must-understand, no-store"}}, true, 3s, 200},
      {{{control, "max-age=60, must-understand, no-store"}}, true, 3s, 404},
      {{{control, "max-age=60, must-understand, no-store"}}, false, 3s, 299},
      {{{control, "max-age=60, must-understand"}}, false, 3s, 299},
      {{{control, "max-age=60, no-store"}}, false, 3s, 200},
  });
}

TEST_CASE("Vary in every spelling selects, and a star anywhere selects nothing (RFC 9110 12.5.5)",
          "[node][rules][vary]") {
  const Headers one = {{"foo", "1"}, {"bar", "2"}};
  const Headers other = {{"foo", "2"}, {"bar", "2"}};
  struct Case {
    Headers vary;
    bool same;
    bool different;
  };
  const Case cases[] = {
      {{{"vary", "foo"}}, true, false},
      {{{"vary", "FOO"}}, true, false},
      {{{"vary", "bar"}}, true, true},
      {{{"vary", "bar, foo"}}, true, false},
      {{{"vary", "bar,,  ,foo,"}}, true, false},
      {{{"vary", "bar"}, {"vary", "foo"}}, true, false},
      {{{"vary", ""}, {"vary", "foo"}}, true, false},
      {{{"vary", ""}}, true, true},
      {{{"vary", "*"}}, false, false},
      {{{"vary", "*, *"}}, false, false},
      {{{"vary", "foo, *"}}, false, false},
      {{{"vary", "*, foo"}}, false, false},
      {{{"vary", ", *"}}, false, false},
      {{{"vary", "foo"}, {"vary", "*"}}, false, false},
      {{{"vary", ""}, {"vary", "*"}}, false, false},
      {{{"vary", "bad name"}}, false, false},
  };
  for (const Case& each : cases) {
    Headers fields = each.vary;
    fields.emplace_back(control, "max-age=60");
    check({{fields, each.same}}, one, one);
    check({{fields, each.different}}, one, other);
  }
}

TEST_CASE("a request that says how stale it takes things gets them so, and no staler (RFC 9111 5.2.1.2)",
          "[node][rules][request]") {
  const std::vector<Row> stale_by_10 = {{{{control, "max-age=60"}}, true, 70s}};
  const std::vector<Row> refused = {{{{control, "max-age=60"}}, false, 70s}};
  check(stale_by_10, {}, {{control, "max-stale"}});
  check(stale_by_10, {}, {{control, "max-stale=10"}});
  check(stale_by_10, {}, {{control, "max-stale=\"10\""}});
  check(refused, {}, {{control, "max-stale=9"}});
  check(refused, {}, {{control, "max-stale=nonsense"}});
  for (const std::string word : {"must-revalidate", "proxy-revalidate", "s-maxage=60", "no-cache"}) {
    check({{{{control, "max-age=60, " + word}}, false, 70s}}, {}, {{control, "max-stale"}});
  }
}

TEST_CASE("only-if-cached is answered from what may be used, else 504, and asks nobody (RFC 9111 5.2.1.7)",
          "[node][rules][request]") {
  Cluster cluster;
  cluster.origin().on("/a").reply(200).max_age(60).etag("\"1\"").body("x");
  const Headers only = {{control, "only-if-cached"}};
  cluster.get("eu-1", "/a", only).expect(504);
  cluster.get("eu-1", "/a").miss();
  cluster.get("eu-1", "/a", only).expect(200).hit();
  cluster.advance(61s);
  cluster.get("eu-1", "/a", only).expect(504);
  cluster.get("eu-1", "/a", {{control, "only-if-cached, max-stale"}}).expect(200).hit();
  REQUIRE(cluster.origin().requests().size() == 1);
}

TEST_CASE("fields that private and no-cache name are kept from the store, and the rest is reused",
          "[node][rules][qualified]") {
  for (const std::string word : {"private", "no-cache"}) {
    INFO(word);
    Cluster cluster;
    cluster.origin()
        .on("/a")
        .reply(200)
        .field(control, "max-age=60, " + word + "=\"x-mine, X-Too\"")
        .field("x-mine", "1")
        .field("x-too", "2")
        .field("x-all", "3")
        .body("x");
    cluster.get("eu-1", "/a").miss().field("x-mine", "1").field("x-too", "2").field("x-all", "3");
    cluster.get("eu-1", "/a").hit().without("x-mine").without("x-too").field("x-all", "3");
  }
}

TEST_CASE("stale-while-revalidate ends with its window, whatever the validation brought (RFC 5861 3)",
          "[node][rules][swr]") {
  Cluster cluster;
  cluster.origin()
      .on("/a")
      .reply(200)
      .field(control, "max-age=1, stale-while-revalidate=4")
      .field("etag", "\"a\"")
      .body("one");
  cluster.get("eu-1", "/a").miss();
  cluster.advance(3s);
  cluster.origin().on("/a").reply(200).field(control, "no-cache").field("etag", "\"b\"").body("two");
  cluster.get("eu-1", "/a").hit().body("one");
  cluster.run();
  REQUIRE(cluster.origin().count("GET", "/a") == 2);
  cluster.advance(3s);
  cluster.origin().on("/a").reply(200).field(control, "no-cache").field("etag", "\"c\"").body("three");
  cluster.get("eu-1", "/a").expect(200).body("three");
  // And where the validation fails, the window is not extended by that.
  cluster.origin().on("/b").reply(200).field(control, "max-age=1, stale-while-revalidate=4").body("one");
  cluster.get("eu-1", "/b").miss();
  cluster.origin().on("/b").reply(500).body("no");
  cluster.advance(3s);
  cluster.get("eu-1", "/b").hit().body("one");
  cluster.advance(3s);
  cluster.get("eu-1", "/b").expect(500);
}

TEST_CASE("stale-if-error bridges errors and dead connections, not other answers (RFC 5861 4)",
          "[node][rules][sie]") {
  for (const int status : {500, 502, 503, 504, 404, 501}) {
    INFO(status);
    Cluster cluster;
    cluster.origin().on("/a").reply(200).field(control, "max-age=1, stale-if-error=60").body("old");
    cluster.get("eu-1", "/a").miss();
    cluster.advance(3s);
    cluster.origin().on("/a").reply(status).body("bad");
    const bool bridged = status >= 500 && status != 501;
    cluster.get("eu-1", "/a").expect(bridged ? 200 : status).body(bridged ? "old" : "bad");
    if (bridged) cluster.get("eu-1", "/a", {{control, "no-cache"}}).expect(status);
    cluster.advance(61s);
    cluster.get("eu-1", "/a").expect(status);
  }
}

TEST_CASE("an origin that takes the connection and says nothing is as good as none (RFC 9111 4.2.4, 4.3.3)",
          "[node][rules][stale]") {
  const std::string fresh = "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nCache-Control: max-age=2\r\n\r\nold";
  struct Case {
    RawOrigin::Line line;
    int status;  // once stale_if_disconnected is over
  };
  const Case cases[] = {
      {{"", RawOrigin::After::end}, 502},
      {{"", RawOrigin::After::reset}, 502},
      {{"HTTP/1.1 20", RawOrigin::After::end}, 502},
      {{"", RawOrigin::After::keep}, 504},
  };
  for (const Case& each : cases) {
    INFO(each.line.bytes << " " << each.status);
    Cluster cluster(Setup()
                        .origin("servers = [\"10.9.0.9:80\"]\n")
                        .site("[site.cache]\nstale_if_disconnected = \"10m\"\n"));
    RawOrigin origin(cluster.world(), "raw", net::Address::parse("10.9.0.9:80").value());
    origin.answers({{fresh}, each.line});
    cluster.get("eu-1", "/a").expect(200).body("old");
    cluster.advance(3s);
    cluster.get("eu-1", "/a").expect(200).forwarded("stale").body("old");
    cluster.get("eu-1", "/a", {{control, "no-cache"}}).expect(each.status);
    cluster.advance(10min);
    cluster.get("eu-1", "/a").expect(each.status);
  }
  // What is no HTTP was an answer all the same.
  Cluster cluster(Setup().origin("servers = [\"10.9.0.9:80\"]\n"));
  RawOrigin origin(cluster.world(), "raw", net::Address::parse("10.9.0.9:80").value());
  origin.answers({{fresh}, {"SSH-2.0-nobody\r\n\r\n", RawOrigin::After::end}});
  cluster.get("eu-1", "/a").expect(200).body("old");
  cluster.advance(3s);
  cluster.get("eu-1", "/a").expect(502);
}

TEST_CASE(
    "what was purged or invalidated while an origin did not answer is nobody's stale answer (RFC 9111 4.4)",
    "[node][rules][stale]") {
  enum class Meanwhile { nothing, post, purge, soft_purge };
  struct Case {
    Meanwhile what;
    std::string word;
    int status;
  };
  const Case cases[] = {
      {Meanwhile::nothing, "", 200},
      {Meanwhile::post, "", 504},
      {Meanwhile::purge, "", 504},
      {Meanwhile::soft_purge, "", 200},
      {Meanwhile::soft_purge, ", must-revalidate", 504},
  };
  for (const Case& each : cases) {
    INFO(static_cast<int>(each.what) << each.word);
    Cluster cluster;
    cluster.origin().on("/a").reply(200).field(control, "max-age=60" + each.word).etag("\"1\"").body("old");
    cluster.get("eu-1", "/a").miss();
    cluster.origin().on("/a").reply(200).delay(100s).body("never");
    // It is fresh, and who wants it fresher asks the origin.
    TestConnection& waiting = cluster.ask("eu-1", "/a", {{control, "min-fresh=61"}});
    cluster.run();
    cluster.origin().on("/b").reply(201).field("location", "/a").body("made");
    if (each.what == Meanwhile::post) cluster.request("eu-1", "POST", "/b", {}, "x").expect(201);
    if (each.what == Meanwhile::purge)
      REQUIRE(cluster.purge("eu-1", R"({"url": "http://a.example/a"})").status == 200);
    if (each.what == Meanwhile::soft_purge)
      REQUIRE(cluster.purge("eu-1", R"({"url": "http://a.example/a", "soft": true})").status == 200);
    cluster.run_until([&] { return waiting.answers() == 1; });
    CHECK(waiting.answer(0).status == each.status);
  }
}

TEST_CASE(
    "an origin that closes the connection without a byte brings nobody what must not be used stale (RFC 9111 "
    "4.2.4)",
    "[node][rules][stale]") {
  for (const std::string word :
       {"must-revalidate", "proxy-revalidate", "no-cache", "s-maxage=2", "private"}) {
    INFO(word);
    const net::Address address = net::Address::parse("10.9.0.9:80").value();
    Cluster cluster(Setup().origin("servers = [\"10.9.0.9:80\"]\n"));
    RawOrigin origin(cluster.world(), "raw", address);
    origin.answers({{"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nX-From: origin\r\nCache-Control: max-age=2, " +
                     word + ", stale-if-error=600, stale-while-revalidate=600\r\n\r\nold"},
                    {"", RawOrigin::After::end}});
    cluster.get("eu-1", "/a").expect(200).body("old");
    cluster.advance(3s);
    const Answer answer = cluster.get("eu-1", "/a").answer();
    CHECK(answer.status >= 500);
    CHECK(answer.header("x-from").empty());
    CHECK(answer.body.find("old") == std::string::npos);
    CHECK(cluster.get("eu-1", "/a", {{control, "max-stale"}}).answer().status >= 500);
  }
}

TEST_CASE("a 304 gives a new lifetime, a 200 a new representation (RFC 9111 4.3.3)",
          "[node][rules][validation]") {
  Cluster cluster;
  cluster.origin().on("/a").reply(200).max_age(60).field("etag", "\"1\"").body("one");
  cluster.get("eu-1", "/a").miss();
  cluster.advance(61s);
  cluster.origin().on("/a").reply(304).max_age(600).field("etag", "\"1\"");
  cluster.get("eu-1", "/a").expect(200).forwarded("stale").body("one");
  cluster.advance(500s);
  cluster.get("eu-1", "/a").hit().body("one");
  cluster.advance(101s);
  cluster.origin().on("/a").reply(200).max_age(60).field("etag", "\"1\"").body("two");
  cluster.get("eu-1", "/a").expect(200).body("two");
  cluster.get("eu-1", "/a").hit().body("two");
}

TEST_CASE("a URL keeps 64 variants, and the oldest goes", "[node][rules][vary]") {
  Cluster cluster;
  cluster.origin().on("/a").reply(200).max_age(600).field("vary", "x-kind").body("x");
  const auto kind = [](int i) { return Headers{{"x-kind", std::to_string(i)}}; };
  for (int i = 0; i < 65; ++i) cluster.get("eu-1", "/a", kind(i)).expect(200);
  for (int i = 64; i > 0; --i) cluster.get("eu-1", "/a", kind(i)).hit();
  REQUIRE(!cluster.get("eu-1", "/a", kind(0)).answer().hit());
  REQUIRE(cluster.origin().count("GET", "/a") == 66);
}

TEST_CASE("Accept-Encoding is one of eight classes, toward the origin and as a selecting field",
          "[node][rules][vary]") {
  Cluster cluster;
  cluster.origin().on("/a").reply(200).max_age(600).field("vary", "accept-encoding").body("x");
  const auto ask = [&](const std::string& value) {
    return cluster.get("eu-1", "/a", {{"accept-encoding", value}});
  };
  ask("gzip, deflate, br").miss();
  REQUIRE(cluster.origin().last().header("accept-encoding") == "br, gzip");
  for (const std::string same :
       {"br, gzip", "br;q=0.1,gzip;q=1.0", "BR, x-gzip, zstd;q=0", "compress, gzip, br"}) {
    INFO(same);
    ask(same).hit();
  }
  ask("deflate").forwarded("vary-miss");
  REQUIRE(cluster.origin().last().header("accept-encoding") == "identity");
  cluster.get("eu-1", "/a").hit();
  ask("*").forwarded("vary-miss");
  REQUIRE(cluster.origin().last().header("accept-encoding") == "zstd, br, gzip");
}

}  // namespace perigee::test
