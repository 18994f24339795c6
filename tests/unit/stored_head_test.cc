#include "edge/cache/stored_head.h"

#include <catch2/catch_test_macros.hpp>

#include "tests/unit/policy_builder.h"

using namespace perigee::cache;
using namespace perigee::test;
using perigee::http::FieldId;

namespace {

std::string stored(Rows fields, int status = 200) {
  std::string lines;
  write_stored_head(response_of(status, fields), noon, {}, lines);
  return lines;
}

std::string updated(std::string_view head, Rows update) {
  std::string lines;
  update_stored_head(head, fields_of(update), noon, {}, lines);
  return lines;
}

constexpr std::string_view ok = "HTTP/1.1 200 OK\r\n";
constexpr std::string_view date = "date: Fri, 07 Jun 2024 12:00:00 GMT\r\n";

}  // namespace

TEST_CASE("a stored head has lower-case names, a Date and nothing of the connection", "[stored-head]") {
  CHECK(stored({}) == std::string(ok).append(date));
  CHECK(stored({{"Date", "x"}, {"X-A", "1"}, {"x-a", "2"}}) ==
        std::string(ok).append("date: x\r\nx-a: 1\r\nx-a: 2\r\n"));
  for (const char* name :
       {"Connection", "Keep-Alive", "Proxy-Connection", "Proxy-Authenticate", "Proxy-Authorization",
        "Proxy-Authentication-Info", "TE", "Trailer", "Transfer-Encoding", "Upgrade", "Content-Length", "Age",
        "Perigee-Peer", "Perigee-Peer-Auth"}) {
    INFO(name);
    CHECK(stored({{name, "7"}}) == std::string(ok).append(date));
  }
  CHECK(stored({{"A", "1"}, {"Connection", "close, a"}, {"B", "2"}, {"connection", "C"}, {"c", "3"}}) ==
        std::string(ok).append("b: 2\r\n").append(date));
}

TEST_CASE("what is private or no-cache by name is stored for nobody but reaches the asker", "[stored-head]") {
  const auto response = response_of(
      200,
      {{"Cache-Control", "private=\"A\", no-cache=\"b\", max-age=5"}, {"A", "1"}, {"B", "2"}, {"C", "3"}});
  std::string lines;
  write_stored_head(response, noon, {}, lines);
  CHECK(read_stored_head(lines).fields.size() == 3);
  CHECK(read_stored_head(lines).fields.value(FieldId::other) == "3");
  CHECK(has_qualified_fields(response, {}));
  write_forwarded_head(response, noon, lines);
  CHECK(read_stored_head(lines).fields.size() == 5);
  CHECK_FALSE(has_qualified_fields(response_of(200, {{"Cache-Control", "private=\"x\", max-age=5"}}), {}));
  CHECK(has_qualified_fields(response_of(200, {{"CDN-Cache-Control", "private=\"x\""}, {"x", "1"}}), {}));
}

TEST_CASE("a stored head is read back", "[stored-head]") {
  std::string lines;
  auto response = response_of(404, {{"ETag", "\"a\""}});
  response.reason = "Gone fishing";
  write_stored_head(response, noon, {}, lines);
  const auto head = read_stored_head(lines);
  CHECK(head.status == 404);
  CHECK(head.reason == "Gone fishing");
  CHECK(head.fields.value(FieldId::etag) == "\"a\"");
  CHECK(head.fields.value(FieldId::date) == noon_text);
}

TEST_CASE("a 304 replaces fields by name, but for what describes the stored bytes", "[stored-head]") {
  const std::string head = stored(
      {{"A", "1"}, {"a", "2"}, {"B", "1"}, {"ETag", "\"a\""}, {"Content-Encoding", "br"}, {"Date", "old"}});
  const std::string after_update = updated(head, {{"A", "3"},
                                                  {"C", "4"},
                                                  {"ETag", "\"b\""},
                                                  {"Content-Encoding", "gzip"},
                                                  {"Content-Length", "9"},
                                                  {"Content-MD5", "x"},
                                                  {"Content-Range", "x"},
                                                  {"Connection", "d"},
                                                  {"D", "5"},
                                                  {"Age", "3"},
                                                  {"Set-Cookie", "a=b"}});
  CHECK(after_update ==
        std::string(ok)
            .append("b: 1\r\netag: \"a\"\r\ncontent-encoding: br\r\na: 3\r\nc: 4\r\nset-cookie: a=b\r\n")
            .append(date));
  CHECK(updated(stored({}), {{"ETag", "\"b\""}, {"Date", "new"}}) ==
        std::string(ok).append("etag: \"b\"\r\ndate: new\r\n"));
  CHECK(updated(stored({{"x", "1"}}), {{"Cache-Control", "no-cache=\"x\""}, {"x", "2"}, {"Date", "d"}}) ==
        std::string(ok).append("x: 1\r\ncache-control: no-cache=\"x\"\r\ndate: d\r\n"));
}

TEST_CASE("an updated head is judged anew", "[stored-head]") {
  const std::string head =
      stored({{"Cache-Control", "max-age=60"}, {"Date", "Thu, 06 Jun 2024 12:00:00 GMT"}});
  const auto judged = [&](Rows update) {
    const std::string lines = updated(head, update);
    const auto request = request_of({});
    return judge_updated(request, request_policy(request), lines, fields_of(update), noon, noon, {});
  };
  CHECK(judged({}).meta.ttl(noon) == 60);
  CHECK(judged({{"Age", "10"}}).meta.ttl(noon) == 50);
  CHECK(judged({{"Cache-Control", "max-age=5"}}).meta.freshness_lifetime == 5);
  CHECK(judged({{"Date", "Fri, 07 Jun 2024 11:59:50 GMT"}}).meta.ttl(noon) == 50);
  CHECK(judged({{"Cache-Control", "no-store"}}).why_not == "no_store");
}

TEST_CASE("a 304 speaks of what is stored unless its validators say otherwise", "[stored-head]") {
  const std::string strong = stored({{"ETag", "\"a\""}, {"Last-Modified", "x"}});
  const std::string weak = stored({{"ETag", "W/\"a\""}});
  const std::string none = stored({{"Last-Modified", "x"}});
  CHECK(identifies(strong, fields_of({})));
  CHECK(identifies(strong, fields_of({{"ETag", "\"a\""}})));
  CHECK(identifies(strong, fields_of({{"ETag", "W/\"a\""}})));
  CHECK(identifies(weak, fields_of({{"ETag", "W/\"a\""}})));
  CHECK(identifies(none, fields_of({{"Last-Modified", "x"}})));
  CHECK(identifies(none, fields_of({{"ETag", "W/\"a\""}})));
  CHECK_FALSE(identifies(strong, fields_of({{"ETag", "\"b\""}})));
  CHECK_FALSE(identifies(weak, fields_of({{"ETag", "\"a\""}})));
  CHECK_FALSE(identifies(weak, fields_of({{"ETag", "W/\"b\""}})));
  CHECK_FALSE(identifies(none, fields_of({{"ETag", "\"a\""}})));
  CHECK_FALSE(identifies(none, fields_of({{"Last-Modified", "y"}})));
}

TEST_CASE("an answer to HEAD confirms what is stored when status, length and a validator agree",
          "[stored-head]") {
  const std::string head = stored({{"ETag", "\"a\""}});
  const std::string bare = stored({});
  const std::string dated = stored({{"Last-Modified", "x"}});
  CHECK(head_says(head, 10, response_of(200, {{"Content-Length", "10"}, {"ETag", "\"a\""}})) ==
        HeadSays::confirms);
  CHECK(head_says(dated, 10, response_of(200, {{"Last-Modified", "x"}})) == HeadSays::confirms);
  CHECK(head_says(head, 10, response_of(200, {})) == HeadSays::nothing);
  CHECK(head_says(bare, 10, response_of(200, {{"Content-Length", "10"}})) == HeadSays::nothing);
  CHECK(head_says(head, 10, response_of(200, {{"Content-Length", "11"}})) == HeadSays::contradicts);
  CHECK(head_says(head, 10, response_of(200, {{"ETag", "\"b\""}})) == HeadSays::contradicts);
  CHECK(head_says(head, 10, response_of(410, {})) == HeadSays::contradicts);
}
