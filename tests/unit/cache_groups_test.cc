// Cache-Groups and Cache-Group-Invalidation as fields, and what an answer invalidates by them.
#include <catch2/catch_test_macros.hpp>

#include "edge/http/cache_groups.h"
#include "edge/proxy/group_invalidation.h"
#include "edge/proxy/peer_invalidator.h"
#include "tests/unit/fields_of.h"

using namespace perigee;
using namespace perigee::http;

namespace {

using Groups = std::vector<std::string>;

Groups parsed(std::string_view value) {
  FieldList fields;
  fields.add("Cache-Groups", value);
  return parse_groups(fields, cache_groups_field);
}

}  // namespace

TEST_CASE("groups are a list of strings or nothing", "[groups]") {
  CHECK(parsed(R"("a", "b c";x=1;y, "")") == Groups{"a", "b c", ""});
  CHECK(parsed(R"("A\"\\,")") == Groups{"A\"\\,"});
  for (const std::string_view broken :
       {"a", "\"a\", b", "\"a", "\"a\",", "(\"a\")", "1", "\"\xc3\xa4\"", "\"a\"; X=1"}) {
    INFO(broken);
    CHECK(parsed(broken).empty());
  }
}

TEST_CASE("all lines of a field of groups are one list", "[groups]") {
  FieldList fields;
  fields.add("cache-groups", "\"a\"");
  fields.add("other", "x");
  fields.add("cache-groups", "\"b\"");
  CHECK(parse_groups(fields, cache_groups_field) == Groups{"a", "b"});
  fields.add("cache-groups", "broken");
  CHECK(parse_groups(fields, cache_groups_field).empty());
}

TEST_CASE("more groups than the limit, and longer ones, do not count", "[groups]") {
  std::string many;
  for (size_t i = 0; i < groups_max + 10; ++i) many += (i > 0 ? ", \"g" : "\"g") + std::to_string(i) + "\"";
  CHECK(parsed(many).size() == groups_max);
  const std::string longest(group_bytes_max, 'x');
  CHECK(parsed("\"" + longest + "\", \"a\"") == Groups{longest, "a"});
  CHECK(parsed("\"" + longest + "x\", \"a\"") == Groups{"a"});
}

TEST_CASE("what an answer invalidates is of the origin in its cache key", "[groups]") {
  ResponseHead head;
  head.status = 200;
  head.fields.add("cache-group-invalidation", "\"a\", \"b\"");
  const auto of = [&](std::string_view key, Method method) {
    return proxy::groups_to_invalidate(key, method, head);
  };
  CHECK(of("https://a.example/x?y", Method::post).origin == "https://a.example");
  CHECK(of("http://a.example:8080/", Method::put).origin == "http://a.example:8080");
  CHECK(of("http://a.example/", Method::delete_).groups == Groups{"a", "b"});
  CHECK(of("http://a.example/", Method::other).groups == Groups{"a", "b"});
  for (const Method safe : {Method::get, Method::head, Method::options}) {
    CHECK(of("http://a.example/", safe).groups.empty());
  }
  head.fields = FieldList();
  CHECK(of("http://a.example/", Method::post).groups.empty());
}

TEST_CASE("an answer waits for messages and groups together, and is told once", "[groups]") {
  struct Waiter final : proxy::InvalidationWaiter {
    int told = 0;
    void on_invalidated() override { ++told; }
  } waiter;
  proxy::InvalidationRound round;
  round.open = 2;
  round.open_groups();
  round.waiter = &waiter;
  CHECK(round.messages() == 2);
  round.settle();
  round.settle_groups();
  CHECK(round.messages() == 1);
  CHECK(waiter.told == 0);
  round.settle();
  CHECK(waiter.told == 1);
  CHECK(round.waiter == nullptr);
  proxy::InvalidationRound left;  // nobody waits any more
  left.open_groups();
  left.settle_groups();
  CHECK(waiter.told == 1);
}
