// What a purge covers, table by table, and how look-ups and the sweep apply it.
#include <catch2/catch_test_macros.hpp>

#include "edge/cache/purge.h"
#include "tests/unit/cache_rig.h"

using namespace perigee;
using namespace perigee::cache;
using namespace perigee::cache::rig;

namespace {

struct TwoSites final : SiteNames {
  std::string_view site_of(std::string_view authority) const override {
    return authority.starts_with("docs.") ? "docs" : "shop";
  }
};

PurgeRule rule(PurgeScope scope, std::string subject, std::string site = "", bool soft = false) {
  return {scope, std::move(subject), std::move(site), soft, std::make_shared<TwoSites>()};
}

PurgeVerdict judged(const PurgeRule& purge, std::string_view key, std::string_view fields = "") {
  PurgeTable table;
  table.rebase();
  const PurgeStamp before = table.position();
  table.apply(purge);
  const std::string head = "HTTP/1.1 200 OK\r\n" + std::string(fields);
  const PurgeVerdict verdict = table.judge(before, key, head);
  // Whatever was asked for after the purge is untouched by it.
  CHECK(table.judge(table.position(), key, head) == PurgeVerdict::kept);
  return verdict;
}

const http::FieldList no_fields;

}  // namespace

TEST_CASE("a purge covers what it names and nothing else", "[purge]") {
  struct Case {
    PurgeRule purge;
    std::string_view key;
    std::string_view fields;
    PurgeVerdict verdict;
  };
  using enum PurgeScope;
  using enum PurgeVerdict;
  const Case cases[] = {
      {rule(url, "a.b/x?q=1"), "http://a.b/x?q=1", "", gone},
      {rule(url, "a.b/x?q=1"), "https://a.b/x?q=1", "", gone},
      {rule(url, "a.b/x"), "http://a.b/x?q=1", "", kept},
      {rule(url, "a.b/x"), "http://a.b:8080/x", "", kept},
      {rule(url, "a.b/x", "", true), "http://a.b/x", "", stale},
      {rule(prefix, "a.b/img/"), "http://a.b/img/1", "", gone},
      {rule(prefix, "a.b/img/"), "http://a.b/img/", "", gone},
      {rule(prefix, "a.b/img/"), "http://a.b/img", "", kept},
      {rule(prefix, "a.b/img/"), "http://a.bc/img/1", "", kept},
      {rule(tag, "one"), "http://a.b/x", "surrogate-key: zero one two\r\n", gone},
      {rule(tag, "one"), "http://a.b/x", "cache-tag: zero, one\r\n", gone},
      {rule(tag, "one"), "http://a.b/x", "cache-groups: \"zero\", \"one\"\r\n", gone},
      {rule(tag, "one"), "http://a.b/x", "cache-groups: zero, \"one\"\r\n", kept},
      {rule(tag, "one, two"), "http://a.b/x", "cache-groups: \"one, two\"\r\n", gone},
      {rule(tag, "one"), "http://a.b/x", "cache-groups: \"one, two\"\r\n", kept},
      {rule(tag, "two"), "http://a.b/x", "cache-groups: \"one\"\r\nx: y\r\ncache-groups: \"two\"\r\n", gone},
      {rule(group, "http://a.b one"), "http://a.b/x", "cache-groups: \"zero\", \"one\";p\r\n", gone},
      {rule(group, "http://a.b one"), "https://a.b/x", "cache-groups: \"one\"\r\n", kept},
      {rule(group, "http://a.b one"), "http://a.b:81/x", "cache-groups: \"one\"\r\n", kept},
      {rule(group, "http://a.b one"), "http://a.b/x", "surrogate-key: one\r\n", kept},
      {rule(group, "http://a.b one"), "http://a.b/x", "cache-groups: \"One\"\r\n", kept},
      {rule(group, "http://a.b one two"), "http://a.b/x", "cache-groups: \"one two\"\r\n", gone},
      {rule(group, "http://a.b "), "http://a.b/x", "cache-groups: \"\"\r\n", gone},
      {rule(tag, "one"), "http://a.b/x", "surrogate-key: ones none\r\n", kept},
      {rule(tag, "one"), "http://a.b/x", "x-tag: one\r\n", kept},
      {rule(tag, "one", "docs"), "http://docs.b/x", "surrogate-key: one\r\n", gone},
      {rule(tag, "one", "docs"), "http://a.b/x", "surrogate-key: one\r\n", kept},
      {rule(site, "", "docs"), "http://docs.b/x", "", gone},
      {rule(site, "", "docs"), "http://a.b/x", "", kept},
      {rule(everything, ""), "http://a.b/x", "", gone},
      {rule(everything, "", "", true), "http://a.b/x", "", stale},
  };
  for (const Case& example : cases) {
    INFO(to_string(example.purge.scope) << " " << example.purge.subject << " on " << example.key);
    CHECK(judged(example.purge, example.key, example.fields) == example.verdict);
  }
}

TEST_CASE("every prefix of a URL is found among many", "[purge]") {
  for (const std::string_view wanted : {"a.b/", "a.b/i", "a.b/img", "a.b/img/2", "a.b/img/2026/x"}) {
    PurgeTable table;
    table.rebase();
    const PurgeStamp before = table.position();
    for (const char* other :
         {"a.a/", "a.b/a", "a.b/img/1", "a.b/img/2026/a", "a.b/img/2026/xyz", "a.b/zoo", "b"})
      table.apply(rule(PurgeScope::prefix, other));
    CHECK(table.judge(before, "http://a.b/img/2026/x", {}) == PurgeVerdict::kept);
    table.apply(rule(PurgeScope::prefix, std::string(wanted)));
    CHECK(table.judge(before, "http://a.b/img/2026/x", {}) == PurgeVerdict::gone);
  }
}

TEST_CASE("stamps wrap round", "[purge]") {
  CHECK(is_older(0xffffffffu, 0));
  CHECK(is_older(0xfffffff0u, 16));
  CHECK_FALSE(is_older(0, 0xffffffffu));
  CHECK_FALSE(is_older(7, 7));
}

TEST_CASE("after a rebase what was stored before is unverified, and new rules do not hide that", "[purge]") {
  PurgeTable table;
  const PurgeStamp before = table.position();
  table.rebase();
  table.apply(rule(PurgeScope::url, "a.b/x"));
  CHECK(table.judge(before, "http://a.b/x", {}) == PurgeVerdict::unverified);
  CHECK(table.judge(before, "http://a.b/y", {}) == PurgeVerdict::unverified);
}

TEST_CASE("pruned rules are forgotten, newer ones of the same subject are not", "[purge]") {
  PurgeTable table;
  table.rebase();
  table.apply(rule(PurgeScope::url, "a.b/x"));
  table.apply(rule(PurgeScope::url, "a.b/y"));
  const PurgeStamp floor = table.position();
  table.apply(rule(PurgeScope::url, "a.b/x"));
  table.prune(floor);
  CHECK(table.rules() == 1);
  CHECK(table.judge(floor, "http://a.b/x", {}) == PurgeVerdict::gone);
  CHECK(table.judge(floor, "http://a.b/y", {}) == PurgeVerdict::kept);
  // Older than every rule that is left: nobody can tell any more.
  CHECK(table.judge(floor - 1, "http://a.b/z", {}) == PurgeVerdict::gone);
}

TEST_CASE("too many rules: the oldest widen to their site and lose nothing they covered", "[purge]") {
  PurgeTable table;
  table.rebase();
  const PurgeStamp before = table.position();
  const auto names = std::make_shared<TwoSites>();
  for (size_t i = 0; i < PurgeTable::rules_max + 100; ++i) {
    table.apply({PurgeScope::url, "docs.b/" + std::to_string(i), "docs", false, names});
  }
  CHECK(table.rules() == PurgeTable::rules_max);
  CHECK(table.judge(before, "http://docs.b/0", {}) == PurgeVerdict::gone);
  CHECK(table.judge(before, "http://docs.b/other", {}) == PurgeVerdict::gone);
  CHECK(table.judge(before, "http://shop.b/0", {}) == PurgeVerdict::kept);
  // What came after the widened rules is compared with the others only.
  CHECK(table.judge(before + 100, "http://docs.b/other", {}) == PurgeVerdict::kept);
  CHECK(table.judge(before + 100, "http://docs.b/100", {}) == PurgeVerdict::gone);
  table.prune(table.position());
  CHECK(table.rules() == 0);
  CHECK(table.judge(table.position(), "http://docs.b/0", {}) == PurgeVerdict::kept);
}

TEST_CASE("rules about groups are pruned and widened as others are", "[purge]") {
  constexpr std::string_view news = "HTTP/1.1 200 OK\r\ncache-groups: \"0\"\r\n";
  PurgeTable table;
  table.rebase();
  const PurgeStamp before = table.position();
  const auto names = std::make_shared<TwoSites>();
  const auto group = [&](size_t i) {
    return PurgeRule{PurgeScope::group, group_subject("http://docs.b", std::to_string(i)), "docs", false,
                     names};
  };
  table.apply(group(0));
  table.apply(group(0));
  CHECK(table.judge(before + 1, "http://docs.b/", news) == PurgeVerdict::gone);
  table.prune(before + 1);
  CHECK(table.rules() == 1);
  CHECK(table.judge(before + 1, "http://docs.b/", news) == PurgeVerdict::gone);
  table.prune(before + 2);
  CHECK(table.rules() == 0);
  const PurgeStamp again = table.position();
  for (size_t i = 0; i < PurgeTable::rules_max + 1; ++i) table.apply(group(i));
  CHECK(table.rules() == PurgeTable::rules_max);
  CHECK(table.judge(again, "http://docs.b/", {}) == PurgeVerdict::gone);
  CHECK(table.judge(again, "http://shop.b/", news) == PurgeVerdict::kept);
  CHECK(table.judge(again + 1, "http://docs.b/", {}) == PurgeVerdict::kept);
}

TEST_CASE("a URL purged again and again stays one rule and widens nothing", "[purge]") {
  PurgeTable table;
  table.rebase();
  const PurgeStamp before = table.position();
  for (size_t i = 0; i < PurgeTable::rules_max + 100; ++i)
    table.apply(rule(PurgeScope::url, "docs.b/x", "docs"));
  CHECK(table.judge(before, "http://docs.b/other", {}) == PurgeVerdict::kept);
  CHECK(table.judge(before, "http://docs.b/x", {}) == PurgeVerdict::gone);
}

TEST_CASE("what a verdict makes of a decision", "[purge]") {
  using Action = Decision::Action;
  const Decision serve{Action::serve, ForwardReason::stale};
  RequestPolicy request;
  ResponseMeta meta;
  CHECK(after_purge(serve, PurgeVerdict::kept, request, meta).action == Action::serve);
  CHECK(after_purge(serve, PurgeVerdict::stale, request, meta).action ==
        Action::serve_stale_while_revalidate);
  CHECK(after_purge(serve, PurgeVerdict::unverified, request, meta).action == Action::validate);
  const Decision forward{Action::forward, ForwardReason::request};
  CHECK(after_purge(forward, PurgeVerdict::unverified, request, meta).action == Action::forward);
  request.only_if_cached = true;
  CHECK(after_purge(serve, PurgeVerdict::unverified, request, meta).action == Action::gateway_timeout);
  request.only_if_cached = false;
  meta.flags = ResponseMeta::must_revalidate;
  CHECK(after_purge(serve, PurgeVerdict::stale, request, meta).action == Action::validate);
}

TEST_CASE("look-ups find what was stored after a purge and not what was stored before", "[purge][store]") {
  Store store({});
  Reader& reader = store.add_reader();
  PurgeTable table;
  table.rebase();
  reader.set_purges(table);
  const auto put = [&](std::string_view key) {
    Draft draft = draft_of(key);
    draft.purge_stamp = table.position();
    REQUIRE(store.begin(draft, "body").commit());
  };
  const auto found = [&](std::string_view key) {
    const Lookup lookup = reader.lookup(key_of(key), no_fields);
    reader.turn_end();
    return lookup;
  };
  put("http://a.b/x");
  put("http://a.b/y");
  table.apply(rule(PurgeScope::url, "a.b/x"));
  CHECK(found("http://a.b/x").state == Lookup::State::miss);
  CHECK(found("http://a.b/y").state == Lookup::State::hit);
  CHECK(found("http://a.b/y").response->purge_stamp() == table.position());
  put("http://a.b/x");
  CHECK(found("http://a.b/x").state == Lookup::State::hit);
  table.apply(rule(PurgeScope::everything, "", "", true));
  CHECK(found("http://a.b/x").purged == PurgeVerdict::stale);
  table.set_verified(false);
  CHECK(found("http://a.b/y").purged == PurgeVerdict::unverified);
}

TEST_CASE("a step of a sweep does little, whatever is stored", "[purge][store]") {
  StoreOptions options;
  options.budget_bytes = 64 << 20;
  options.shards = 1;
  Store store(options);
  store.add_reader();
  PurgeTable table;
  table.rebase();
  const auto put = [&](const std::string& key, const std::string& body) {
    Draft draft = draft_of(key);
    draft.purge_stamp = table.position();
    REQUIRE(store.begin(draft, body).commit());
  };
  for (int i = 0; i < 10'000; ++i) put("http://a.b/" + std::to_string(i), "body");
  table.apply(rule(PurgeScope::prefix, "a.b/"));
  const size_t buckets = options.budget_bytes / 2048;

  SECTION("no more responses are looked at than the step says, and those that share a bucket with the last") {
    size_t steps = 0;
    for (SweepCursor cursor; cursor.rounds == 0; ++steps)
      REQUIRE(store.sweep(cursor, {buckets, 100, 200}, table) <= 110);
    CHECK(steps <= 101);
    CHECK(store.stats().responses == 0);
  }
  SECTION("empty buckets are passed by, many in a step") {
    SweepCursor cursor;
    while (cursor.rounds == 0) store.sweep(cursor, {}, table);
    cursor = {};
    size_t steps = 0;
    for (; cursor.rounds == 0; ++steps) store.sweep(cursor, {buckets / 2, 1}, table);
    CHECK(steps == 2);
  }
  SECTION("large bodies count by what they free") {
    SweepCursor cursor;
    while (cursor.rounds == 0) store.sweep(cursor, {}, table);
    for (int i = 0; i < 100; ++i) put("http://a.b/" + std::to_string(i), std::string(60'000, 'x'));
    table.apply(rule(PurgeScope::prefix, "a.b/"));
    for (cursor = {}; cursor.rounds == 0;) REQUIRE(store.sweep(cursor, {buckets, 10}, table) <= 8);
    CHECK(store.stats().responses == 0);
  }
}

TEST_CASE("a sweep waits for a turn that may see what was removed", "[purge][store]") {
  StoreOptions options;
  options.budget_bytes = 64 << 20;
  Store store(options);
  Reader& reader = store.add_reader();
  PurgeTable table;
  table.rebase();
  for (int i = 0; i < 10'000; ++i) {
    const std::string url = "http://a.b/" + std::to_string(i);
    Draft draft = draft_of(url);
    draft.purge_stamp = table.position();
    REQUIRE(store.begin(draft, "body").commit());
  }
  table.apply(rule(PurgeScope::prefix, "a.b/"));
  reader.lookup(key_of("http://a.b/1"), no_fields);
  SweepCursor cursor;
  for (int i = 0; i < 10'000; ++i) store.sweep(cursor, {16 * 1024, 10, 20}, table);
  CHECK(cursor.rounds == 0);
  CHECK(store.stats().responses >= 9'950);
  reader.turn_end();
  while (cursor.rounds == 0) store.sweep(cursor, {16 * 1024, 10, 20}, table);
  CHECK(store.stats().responses == 0);
}

TEST_CASE("rules are pruned some at a time", "[purge]") {
  PurgeTable table;
  table.rebase();
  const PurgeStamp before = table.position();
  for (int i = 0; i < 25; ++i) table.apply(rule(PurgeScope::url, "a.b/" + std::to_string(i)));
  const PurgeStamp floor = table.position();
  table.apply(rule(PurgeScope::url, "a.b/new"));
  CHECK_FALSE(table.prune(floor, 10));
  CHECK(table.rules() == 16);
  // What the rules said that went is said by the floor.
  CHECK(table.judge(before, "http://a.b/0", "") == PurgeVerdict::gone);
  CHECK(table.judge(floor, "http://a.b/20", "") == PurgeVerdict::kept);
  CHECK_FALSE(table.prune(floor, 10));
  CHECK(table.prune(floor, 10));
  CHECK(table.rules() == 1);
  CHECK(table.judge(floor, "http://a.b/new", "") == PurgeVerdict::gone);
  CHECK(table.prune(floor, 10));
}

TEST_CASE("a sweep removes what is gone, keeps what is stale as such, and lets rules go", "[purge][store]") {
  StoreOptions options;
  options.budget_bytes = 4 << 20;
  Store store(options);
  Reader& reader = store.add_reader();
  PurgeTable table;
  table.rebase();
  reader.set_purges(table);
  for (int i = 0; i < 300; ++i) {
    const std::string key = "http://a.b/" + std::to_string(i);
    Draft draft = draft_of(key);
    draft.purge_stamp = table.position();
    REQUIRE(store.begin(draft, "body").commit());
  }
  table.apply(rule(PurgeScope::prefix, "a.b/1"));
  table.apply(rule(PurgeScope::url, "a.b/2", "", true));
  size_t removed = 0;
  for (SweepCursor cursor; cursor.rounds == 0;) removed += store.sweep(cursor, {16, 128, 256}, table);
  CHECK(removed == 111);  // 1, 10 to 19, 100 to 199
  CHECK(store.stats().responses == 189);
  table.prune(table.position());
  CHECK(table.rules() == 0);
  CHECK(reader.lookup(key_of("http://a.b/2"), no_fields).purged == PurgeVerdict::stale);
  CHECK(reader.lookup(key_of("http://a.b/3"), no_fields).purged == PurgeVerdict::kept);
  CHECK(reader.lookup(key_of("http://a.b/17"), no_fields).state == Lookup::State::miss);
  reader.turn_end();
}
