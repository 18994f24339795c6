// What a 304 says of a stored response (RFC 9111 4.3.4), from origins that do not say it quite right.
#include <fmt/format.h>

#include <catch2/catch_test_macros.hpp>

#include "tests/node/support/cluster.h"
#include "tests/node/support/raw_origin.h"

namespace perigee::test {
namespace {

using namespace std::chrono_literals;

const net::Address raw_address = net::Address::parse("10.9.0.9:80").value();

Setup raw_setup() { return Setup().origin("servers = [\"10.9.0.9:80\"]\n"); }

std::string ok(std::string_view fields) {
  return "HTTP/1.1 200 OK\r\n" + std::string(fields) + "Content-Length: 5\r\n\r\nhello";
}
std::string not_modified(std::string_view fields) {
  return "HTTP/1.1 304 Not Modified\r\n" + std::string(fields) + "\r\n";
}

TEST_CASE("a 304 whose tag lost the suffix of the content coding confirms what is stored",
          "[node][validation]") {
  Cluster cluster(raw_setup());
  RawOrigin origin(cluster.world(), "raw", raw_address);
  origin.answers({{ok("Cache-Control: max-age=60\r\nETag: \"a-gzip\"\r\n")},
                  {not_modified("Cache-Control: max-age=60\r\nETag: \"a\"\r\n")}});
  cluster.get("eu-1", "/a").expect(200).miss();
  cluster.advance(61s);
  cluster.get("eu-1", "/a").expect(200).forwarded("stale").body("hello").field("etag", "\"a-gzip\"");
  REQUIRE(origin.requests() == 2);
  // The first connection was idle for too long.
  REQUIRE(origin.received(1).find("if-none-match: \"a-gzip\"") != std::string::npos);
  cluster.get("eu-1", "/a").expect(200).hit().body("hello").field("etag", "\"a-gzip\"");
}

TEST_CASE("a 304 without a tag confirms what is stored", "[node][validation]") {
  Cluster cluster(raw_setup());
  RawOrigin origin(cluster.world(), "raw", raw_address);
  origin.answers({{ok("Cache-Control: max-age=60\r\nETag: \"a\"\r\n")},
                  {not_modified("Cache-Control: max-age=600\r\n")}});
  cluster.get("eu-1", "/a").expect(200).miss();
  cluster.advance(61s);
  cluster.get("eu-1", "/a").expect(200).forwarded("stale").body("hello");
  cluster.advance(500s);
  cluster.get("eu-1", "/a").expect(200).hit();
  REQUIRE(origin.requests() == 2);
}

TEST_CASE("without an entity-tag a 304 of another date confirms nothing, and the whole is fetched",
          "[node][validation]") {
  Cluster cluster(raw_setup());
  RawOrigin origin(cluster.world(), "raw", raw_address);
  origin.answers({{ok("Cache-Control: max-age=60\r\nLast-Modified: Thu, 06 Jun 2024 12:00:00 GMT\r\n")},
                  {not_modified("Last-Modified: Thu, 06 Jun 2024 13:00:00 GMT\r\n")},
                  {"HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\nContent-Length: 3\r\n\r\nnew"}});
  cluster.get("eu-1", "/a").expect(200).miss();
  cluster.advance(61s);
  cluster.get("eu-1", "/a").expect(200).body("new");
  REQUIRE(origin.requests() == 3);
  cluster.get("eu-1", "/a").expect(200).hit().body("new");
}

const Headers one = {{"x-kind", "1"}};
const Headers two = {{"x-kind", "2"}};
const Headers again = {{"x-kind", "1"}, {"cache-control", "no-cache"}};

TEST_CASE("a 304 by which the answer varies is no answer to requests that differ (RFC 9111 3.2, 4.1)",
          "[node][validation][vary]") {
  Cluster cluster(raw_setup());
  RawOrigin origin(cluster.world(), "raw", raw_address);
  const std::string fields = "Cache-Control: max-age=60\r\nETag: \"a\"\r\n";
  origin.answers(
      {{ok(fields)}, {not_modified(fields + "Vary: X-Kind\r\n")}, {ok(fields + "Vary: X-Kind\r\n")}});
  cluster.get("eu-1", "/a", one).expect(200).miss();
  cluster.get("eu-1", "/a", two).expect(200).hit();
  cluster.get("eu-1", "/a", again).expect(200).field("vary", "X-Kind");
  cluster.get("eu-1", "/a", one).expect(200).hit();
  REQUIRE(origin.requests() == 2);
  cluster.get("eu-1", "/a", two).expect(200).forwarded("vary-miss");
  cluster.get("eu-1", "/a").expect(200).forwarded("vary-miss");
}

TEST_CASE("a 304 by which the answer is nobody else's leaves nothing that could be reused (RFC 9111 4.3.4)",
          "[node][validation][vary]") {
  // X-Forwarded-For is written by this node: nobody's request says what was selected.
  for (const std::string field : {"Vary: *", "Vary: X-Kind, *", "Vary: X-Forwarded-For",
                                  "Cache-Control: private", "Cache-Control: no-store"}) {
    INFO(field);
    Cluster cluster(raw_setup());
    RawOrigin origin(cluster.world(), "raw", raw_address);
    const std::string fields = "Cache-Control: max-age=60\r\nETag: \"a\"\r\n";
    const std::string whole = ok(fields + field + "\r\n");
    origin.answers({{ok(fields)}, {not_modified(fields + field + "\r\n")}, {whole}});
    cluster.get("eu-1", "/a", one).expect(200).miss();
    cluster.get("eu-1", "/a", again).expect(200).body("hello");
    REQUIRE(origin.requests() == 3);
    REQUIRE(!cluster.get("eu-1", "/a", one).expect(200).answer().hit());
    REQUIRE(!cluster.get("eu-1", "/a", two).expect(200).answer().hit());
  }
}

TEST_CASE("what was sent without Vary is not chosen once something was sent with it (RFC 9111 4.1)",
          "[node][vary]") {
  Cluster cluster;
  const auto answers = [&](const std::string& text, bool varies) {
    Script& script = cluster.origin().on("/a").reply(200).max_age(60).body(text);
    if (varies) script.field("vary", "x-kind");
  };
  answers("for nobody", false);
  cluster.get("eu-1", "/a").expect(200).miss();
  cluster.get("eu-1", "/a", two).expect(200).hit().body("for nobody");
  answers("for one", true);
  cluster.get("eu-1", "/a", again).expect(200).body("for one");
  cluster.get("eu-1", "/a", one).expect(200).hit().body("for one");
  answers("for two", true);
  cluster.get("eu-1", "/a", two).expect(200).forwarded("vary-miss").body("for two");
  // The origin says nothing of Vary to those without the field, as before: it is for them alone.
  answers("for nobody", false);
  cluster.get("eu-1", "/a").expect(200).forwarded("vary-miss").body("for nobody");
  cluster.get("eu-1", "/a").expect(200).hit().body("for nobody");
  cluster.get("eu-1", "/a", one).expect(200).hit().body("for one");
  cluster.get("eu-1", "/a", two).expect(200).hit().body("for two");
  cluster.get("eu-1", "/a", {{"x-kind", "3"}}).expect(200).forwarded("vary-miss");
}

TEST_CASE("an origin that has given up Vary is believed when nothing with it is fresh", "[node][vary]") {
  Cluster cluster;
  cluster.origin().on("/a").reply(200).max_age(60).field("vary", "x-kind").body("old");
  cluster.get("eu-1", "/a", one).expect(200).miss();
  cluster.advance(61s);
  cluster.origin().on("/a").reply(200).max_age(60).body("new");
  cluster.get("eu-1", "/a", two).expect(200).forwarded("vary-miss").body("new");
  cluster.get("eu-1", "/a", {{"x-kind", "3"}}).expect(200).hit().body("new");
}

// Two languages of one URL, both stale, are asked for at once: the one is the same, the other has changed.
TEST_CASE("a 304 about one variant validates no other, whoever waited for it (RFC 9111 4.3.4)",
          "[node][validation][vary]") {
  for (const std::string_view more : {"", ", must-revalidate"}) {
    for (const bool range : {false, true}) {
      INFO(more << (range ? " range" : ""));
      Cluster cluster;
      const auto script = [&](int status, const std::string& language, int version) -> Script& {
        Script& a = cluster.origin().on("/a").reply(status).field("vary", "accept-language");
        a.field("cache-control", "max-age=10" + std::string(more)).closed_ranges();
        if (version == 0) return a;
        return a.etag(fmt::format("\"{}-{}\"", language, version))
            .body(fmt::format("{} {}", language, version));
      };
      const std::vector<std::string> languages = {"de", "fr"};
      for (const std::string& language : languages) {
        script(200, language, 1);
        cluster.get("eu-1", "/a", {{"accept-language", language}}).body(language + " 1");
      }
      cluster.advance(20s);
      cluster.origin().forget();

      script(304, "", 0).delay(1s);
      std::vector<TestConnection*> clients;
      for (int i = 0; i < 6; ++i) clients.push_back(&cluster.connect("eu-1"));
      cluster.run();
      for (size_t i = 0; i < clients.size(); ++i) {
        Headers headers = {{"accept-language", languages[i % 2]}};
        if (range) headers.emplace_back("range", "bytes=0-3");
        clients[i]->request("GET", "/a", default_host, headers);
      }
      cluster.advance(500ms);
      REQUIRE(cluster.origin().count("GET", "/a") == 1);
      const std::string same = cluster.origin().last().header("accept-language");
      const std::string changed = languages[same == "de" ? 1 : 0];
      CHECK(cluster.origin().last().header("if-none-match") == fmt::format("\"{}-1\"", same));
      script(200, changed, 2);
      cluster.advance(5s);
      for (size_t i = 0; i < clients.size(); ++i) {
        REQUIRE(clients[i]->answers() == 1);
        CHECK(clients[i]->answer(0).status == (range ? 206 : 200));
        CHECK(clients[i]->answer(0).body == languages[i % 2] + (languages[i % 2] == same ? " 1" : " 2"));
      }
      // One question about each.
      CHECK(cluster.origin().count("GET", "/a") == 2);
      CHECK(cluster.origin().last().header("accept-language") == changed);
      CHECK(cluster.origin().last().header("if-none-match") == fmt::format("\"{}-1\"", changed));
    }
  }
}

}  // namespace
}  // namespace perigee::test
