// perigee-origin: files, the scripted space, its record.
#include <catch2/catch_test_macros.hpp>

#include "edge/base/bytes.h"
#include "edge/base/json.h"
#include "origin/self_verifying.h"
#include "tests/node/origin_rig.h"

using namespace perigee;
using namespace std::chrono_literals;
using perigee::test::Got;
using perigee::test::OriginRig;
using perigee::test::RawClient;

namespace {

// Whether the bytes are those that the answer's head promises, at the offset.
bool right_bytes(const Got& got, uint64_t offset = 0) {
  const auto version = parse_decimal(got.field("x-version"));
  if (!version) return false;
  const uint64_t seed = origin::body_seed(got.field("x-body-id"), *version);
  return origin::verify_body(seed, offset, got.body) == got.body.size();
}

OriginRig& with_files(OriginRig& rig) {
  rig.io->memory_files().put("/srv/index.html", "<p>hello</p>");
  rig.io->memory_files().put("/srv/dir/index.html", "inner");
  rig.io->memory_files().put("/srv/dir/data.bin", "0123456789");
  rig.io->memory_files().put("/srv/dir/a b.txt", "space");
  rig.io->memory_files().put("/secret", "secret");
  return rig;
}

origin::OriginOptions served() { return {"/srv", 60s}; }

}  // namespace

TEST_CASE("a file comes with type, validators and freshness", "[origin]") {
  OriginRig rig(served());
  with_files(rig);
  const Got got = rig.get("/dir/data.bin?x=1");
  CHECK(got.status == 200);
  CHECK(got.body == "0123456789");
  CHECK(got.complete);
  CHECK(got.field("content-type") == "application/octet-stream");
  CHECK(got.field("cache-control") == "max-age=60");
  CHECK(got.field("content-length") == "10");
  CHECK(got.field("accept-ranges") == "bytes");
  CHECK(got.field("etag").starts_with('"'));
  CHECK_FALSE(got.field("last-modified").empty());
  CHECK_FALSE(got.field("date").empty());
}

TEST_CASE("paths name files below the root and nothing else", "[origin]") {
  struct Case {
    std::string_view target;
    int status;
    std::string_view body;
  };
  const Case cases[] = {
      {"/", 200, "<p>hello</p>"},
      {"/index.html", 200, "<p>hello</p>"},
      {"/dir/", 200, "inner"},
      {"/dir/a%20b.txt", 200, "space"},
      {"/dir", 301, "this is a directory\n"},
      {"/none", 404, "not found\n"},
      {"/../secret", 404, "not found\n"},
      {"/dir/../../secret", 404, "not found\n"},
      {"/%2e%2e/secret", 404, "not found\n"},
      {"/dir%2f..%2f..%2fsecret", 404, "not found\n"},
      {"//secret", 404, "not found\n"},
      {"/./index.html", 404, "not found\n"},
      {"/index.html%00.txt", 404, "not found\n"},
      {"/%zz", 404, "not found\n"},
      {"/dir//data.bin", 404, "not found\n"},
  };
  OriginRig rig(served());
  with_files(rig);
  for (const Case& c : cases) {
    const Got got = rig.get(c.target);
    INFO(c.target);
    CHECK(got.status == c.status);
    CHECK(got.body == c.body);
  }
  CHECK(rig.get("/dir").field("location") == "/dir/");
  CHECK(rig.ask("POST", "/index.html").status == 405);
  CHECK(rig.ask("POST", "/index.html").field("allow") == "GET, HEAD");
}

TEST_CASE("conditions of a file are answered 304 and 412", "[origin]") {
  OriginRig rig(served());
  with_files(rig);
  const Got whole = rig.get("/dir/data.bin");
  const std::string etag = whole.field("etag");
  const std::string modified = whole.field("last-modified");
  struct Case {
    std::string fields;
    int status;
  };
  const Case cases[] = {
      {"if-none-match: " + etag + "\r\n", 304},
      {"if-none-match: \"x\", W/" + etag + "\r\n", 304},
      {"if-none-match: *\r\n", 304},
      {"if-none-match: \"x\"\r\n", 200},
      {"if-modified-since: " + modified + "\r\n", 304},
      {"if-match: \"x\"\r\n", 412},
      {"if-match: " + etag + "\r\n", 200},
      {"if-modified-since: Thu, 01 Jan 1970 00:00:00 GMT\r\n", 200},
      {"if-unmodified-since: Thu, 01 Jan 1970 00:00:00 GMT\r\n", 412},
  };
  for (const Case& c : cases) {
    const Got got = rig.get("/dir/data.bin", c.fields);
    INFO(c.fields);
    CHECK(got.status == c.status);
    if (c.status == 304) CHECK(got.field("etag") == etag);
    if (c.status == 304) CHECK(got.body.empty());
  }
}

TEST_CASE("ranges of a file, one, several, none that exists", "[origin]") {
  OriginRig rig(served());
  with_files(rig);
  const std::string etag = rig.get("/dir/data.bin").field("etag");
  const Got one = rig.get("/dir/data.bin", "range: bytes=2-4\r\n");
  CHECK(one.status == 206);
  CHECK(one.body == "234");
  CHECK(one.field("content-range") == "bytes 2-4/10");
  CHECK(rig.get("/dir/data.bin", "range: bytes=-3\r\n").body == "789");
  CHECK(rig.get("/dir/data.bin", "range: bytes=2-4\r\nif-range: " + etag + "\r\n").status == 206);
  CHECK(rig.get("/dir/data.bin", "range: bytes=2-4\r\nif-range: \"other\"\r\n").body == "0123456789");
  CHECK(rig.get("/dir/data.bin", "range: lines=1-2\r\n").status == 200);

  const Got missing = rig.get("/dir/data.bin", "range: bytes=10-\r\n");
  CHECK(missing.status == 416);
  CHECK(missing.field("content-range") == "bytes */10");

  const Got several = rig.get("/dir/data.bin", "range: bytes=0-0,5-6\r\n");
  CHECK(several.status == 206);
  CHECK(several.complete);
  const std::string type = several.field("content-type");
  REQUIRE(type.starts_with("multipart/byteranges; boundary="));
  const std::string line = "\r\n--" + type.substr(type.find('=') + 1);
  const std::string part = "\r\ncontent-type: application/octet-stream\r\ncontent-range: bytes ";
  CHECK(several.body == line + part + "0-0/10\r\n\r\n0" + line + part + "5-6/10\r\n\r\n56" + line + "--\r\n");

  CHECK(rig.ask("HEAD", "/dir/data.bin", "range: bytes=2-4\r\n").field("content-length") == "10");
}

TEST_CASE("a scripted body proves itself, whole and in part", "[origin]") {
  OriginRig rig;
  const Got whole = rig.get("/_/body?size=200000&id=a&version=3&cc=max-age%3D60&h=x-more:1&setcookie=k%3Dv");
  CHECK(whole.status == 200);
  CHECK(whole.complete);
  CHECK(whole.body.size() == 200'000);
  CHECK(right_bytes(whole));
  CHECK(whole.field("x-body-id") == "a");
  CHECK(whole.field("x-version") == "3");
  CHECK(whole.field("x-body-length") == "200000");
  CHECK(whole.field("cache-control") == "max-age=60");
  CHECK(whole.field("x-more") == "1");
  CHECK(whole.field("set-cookie") == "k=v");

  const Got part = rig.get("/_/body?size=200000&id=a&version=3", "range: bytes=77777-99999\r\n");
  CHECK(part.status == 206);
  CHECK(part.body == whole.body.substr(77'777, 22'223));
  CHECK(right_bytes(part, 77'777));

  const Got other = rig.get("/_/body?size=200000&id=a&version=4");
  CHECK_FALSE(other.body == whole.body);
  CHECK(right_bytes(other));
  CHECK_FALSE(other.field("etag") == whole.field("etag"));
  CHECK(rig.get("/_/body?size=200000&id=a&version=3", "if-none-match: " + whole.field("etag") + "\r\n")
            .status == 304);
}

TEST_CASE("without an id the target is what a body is about, and selecting fields belong to it", "[origin]") {
  OriginRig rig;
  CHECK(rig.get("/_/body?n=1").field("x-body-id") == "/_/body?n=1");
  const Got en = rig.get("/_/body?id=v&vary=accept-language", "accept-language: en\r\n");
  const Got de = rig.get("/_/body?id=v&vary=accept-language", "accept-language: de\r\n");
  CHECK(en.field("x-body-id") == "v|en");
  CHECK(en.field("vary") == "accept-language");
  CHECK(right_bytes(en));
  CHECK_FALSE(en.body == de.body);
}

TEST_CASE("latency, rate and drip take the time they say", "[origin]") {
  OriginRig rig;
  RawClient& late = rig.send(OriginRig::request("GET", "/_/body?latency=5s&interim=102,103"));
  CHECK(late.received.starts_with("HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: "));
  rig.world.advance(4900ms);
  CHECK(late.count("HTTP/1.1 200") == 0);
  rig.world.advance(200ms);
  CHECK(late.count("HTTP/1.1 200") == 1);

  RawClient& slow = rig.send(OriginRig::request("GET", "/_/body?size=20000000&rate=20MB"));
  rig.world.advance(500ms);
  CHECK(slow.received.size() > 9'500'000);
  CHECK(slow.received.size() < 10'500'000);
  rig.world.advance(510ms);
  CHECK(test::take_apart(slow.received, http::Method::get).complete);

  RawClient& drip = rig.send(OriginRig::request("GET", "/_/body?size=10&drip=100ms"));
  rig.world.advance(450ms);
  CHECK(test::take_apart(drip.received, http::Method::get).body.size() == 5);
  rig.world.advance(600ms);
  CHECK(test::take_apart(drip.received, http::Method::get).complete);
}

TEST_CASE("status, framing and HEAD are as the script says", "[origin]") {
  OriginRig rig;
  const Got error = rig.get("/_/body?status=503&size=5&h=retry-after:1");
  CHECK(error.status == 503);
  CHECK(error.body.size() == 5);
  CHECK(error.field("retry-after") == "1");
  const Got chunked = rig.get("/_/body?chunked=1&size=100000");
  CHECK(chunked.field("transfer-encoding") == "chunked");
  CHECK(chunked.complete);
  CHECK(right_bytes(chunked));
  const Got until_close = rig.get("/_/body?framing=close&size=100000");
  CHECK(until_close.field("content-length").empty());
  CHECK(until_close.body.size() == 100'000);
  CHECK(until_close.complete);
  const Got head = rig.ask("HEAD", "/_/body?size=7");
  CHECK(head.field("content-length") == "7");
  CHECK(head.body.empty());
  CHECK(rig.get("/_/body?status=204").body.empty());
  CHECK(rig.get("/_/body?ranges=0&size=50", "range: bytes=0-1\r\n").body.size() == 50);
  const Got bad = rig.get("/_/body?size=many");
  CHECK(bad.status == 400);
  CHECK(bad.body == "size=many: expected bytes, such as 1500, 20MB or 64KiB\n");
  CHECK(rig.get("/_/body?h=a%0d%0ab:c").status == 400);
}

TEST_CASE("lies are told", "[origin]") {
  struct Case {
    std::string_view script;
    int status;       // 0: no head to be read
    size_t received;  // body bytes by the announced framing
    bool complete;
    bool broken;
    bool ended;
  };
  const Case cases[] = {
      {"size=5000&truncate=1000", 200, 1000, false, false, true},
      {"size=5000&truncate=1000&chunked=1", 200, 1000, false, false, true},
      {"size=5000&reset=1000", 200, 1000, false, true, false},
      {"size=5000&reset=0", 200, 0, false, true, false},
      {"size=5000&stall=1000", 200, 1000, false, false, false},
      {"size=5000&overrun=10", 200, 5000, true, false, false},
      {"size=5000&length=6000", 200, 5000, false, false, false},
      {"size=5000&length=4000", 200, 4000, true, false, false},
      {"size=5000&badchunk=1000", 200, 1000, false, false, false},
      {"garbage=1", 0, 0, false, false, false},
      {"silent=1", 0, 0, false, false, true},
  };
  for (const Case& c : cases) {
    OriginRig rig;
    RawClient& client = rig.send(OriginRig::request("GET", "/_/body?" + std::string(c.script)));
    rig.world.advance(1s);
    const Got got = test::take_apart(client.received, http::Method::get);
    INFO(c.script);
    CHECK(got.status == c.status);
    CHECK(got.body.size() == c.received);
    CHECK(got.complete == c.complete);
    CHECK(client.broken == c.broken);
    CHECK(client.ended == c.ended);
    if (got.status == 200) CHECK(right_bytes(got));
    rig.world.advance(241s);  // a liar's patience ends
    CHECK(client.closed());
  }
}

TEST_CASE("a head can be slow", "[origin]") {
  OriginRig rig;
  RawClient& client = rig.send(OriginRig::request("GET", "/_/body?slowhead=10ms&size=3"));
  rig.world.advance(95ms);
  CHECK(client.received == "HTTP/1.1 2");
  rig.world.advance(10s);
  CHECK(test::take_apart(client.received, http::Method::get).complete);
}

TEST_CASE("a counter's version is raised by unsafe methods", "[origin]") {
  OriginRig rig;
  CHECK(rig.get("/_/counter?id=c").field("x-version") == "1");
  CHECK(rig.ask("POST", "/_/counter?id=c").field("x-version") == "2");
  CHECK(rig.ask("DELETE", "/_/counter?id=c").field("x-version") == "3");
  CHECK(rig.ask("HEAD", "/_/counter?id=c").field("x-version") == "3");
  const Got got = rig.get("/_/counter?id=c&size=100");
  CHECK(got.field("x-version") == "3");
  CHECK(right_bytes(got));
  CHECK(rig.get("/_/counter?id=d").field("x-version") == "1");
}

TEST_CASE("an override changes what a resource does until it is lifted", "[origin]") {
  OriginRig rig;
  CHECK(rig.get("/_/body?id=a&cc=max-age%3D1").status == 200);
  CHECK(rig.get("/_/script?id=a&status=500&cc=no-store").status == 200);
  CHECK(rig.get("/_/body?id=a&cc=max-age%3D1").status == 500);
  CHECK(rig.get("/_/body?id=a&cc=max-age%3D1").field("cache-control") == "no-store");
  CHECK(rig.get("/_/body?id=b").status == 200);
  rig.get("/_/script?id=a");
  CHECK(rig.get("/_/body?id=a").status == 200);
}

TEST_CASE("echo tells what was received, content included", "[origin]") {
  OriginRig rig;
  RawClient& client = rig.send(
      "POST /_/echo?x=1 HTTP/1.1\r\nhost: o\r\nX-A: 1\r\nx-a: 2\r\ncontent-length: 5\r\nexpect: "
      "100-continue\r\n\r\n");
  CHECK(client.take() == "HTTP/1.1 100 Continue\r\n\r\n");
  client.send("hello");
  rig.world.run_until_idle();
  const Json echo = parse_json(test::take_apart(client.received, http::Method::post).body);
  CHECK(echo["method"] == "POST");
  CHECK(echo["target"] == "/_/echo?x=1");
  CHECK(echo["content"] == "hello");
  CHECK(echo["fields"][1] == Json::array({"X-A", "1"}));
  CHECK(echo["fields"][2] == Json::array({"x-a", "2"}));
}

TEST_CASE("an upgraded connection echoes", "[origin]") {
  OriginRig rig;
  RawClient& client =
      rig.send(OriginRig::request("GET", "/_/upgrade", "connection: upgrade\r\nupgrade: chat\r\n") + "abc");
  client.send("def");
  rig.world.run_until_idle();
  CHECK(client.received ==
        "HTTP/1.1 101 Switching Protocols\r\nupgrade: chat\r\nconnection: upgrade\r\n\r\nabcdef");
  client.end();
  rig.world.run_until_idle();
  CHECK(client.ended);
  CHECK(rig.get("/_/upgrade").status == 426);
}

TEST_CASE("the record holds what was received and sent, and can be cleared", "[origin]") {
  OriginRig rig;
  rig.get("/_/body?id=a&size=100", "via: 1.1 edge\r\n");
  rig.get("/_/body?id=a&size=100");
  rig.ask("HEAD", "/_/body?id=a");
  rig.get("/missing");
  RawClient& running = rig.send(OriginRig::request("GET", "/_/body?id=b&latency=9s"));
  const Json stats = parse_json(rig.get("/_/stats").body);
  CHECK(stats["requests"] == 5);
  CHECK(stats["gets"]["a"] == 2);
  CHECK(stats["gets"]["/missing"] == 1);
  CHECK(stats["methods"]["HEAD"] == 1);
  CHECK(stats["bytes_sent"] == 210);
  CHECK(stats["concurrent"] == 1);
  CHECK(stats["concurrent_max"] == 1);
  running.reset();
  rig.world.run_until_idle();

  const std::string log = rig.get("/_/log").body;
  const Json first = parse_json(log.substr(0, log.find('\n')));
  CHECK(first["number"] == 1);
  CHECK(first["method"] == "GET");
  CHECK(first["target"] == "/_/body?id=a&size=100");
  CHECK(first["id"] == "a");
  CHECK(first["fields"]["via"] == "1.1 edge");
  CHECK(first["end"] == "complete");
  CHECK(first["body_bytes"] == 100);
  CHECK(first.contains("first_byte_ms"));
  CHECK(std::count(log.begin(), log.end(), '\n') == 5);
  const std::string later = rig.get("/_/log?after=4").body;
  CHECK(parse_json(later)["end"] == "client_gone");

  CHECK(rig.get("/_/reset").status == 200);
  CHECK(rig.get("/_/log").body.empty());
  CHECK(parse_json(rig.get("/_/stats").body)["requests"] == 0);
}
