#include "edge/cache/store.h"

#include <catch2/catch_test_macros.hpp>
#include <vector>

#include "edge/base/random.h"
#include "edge/http/fields.h"
#include "tests/unit/cache_rig.h"

using namespace perigee;
using namespace perigee::cache;
using namespace perigee::cache::rig;

TEST_CASE("what was committed is found whole, under its own key only", "[cache][store]") {
  Store store(megabytes(8));
  Reader& reader = store.add_reader();
  for (const size_t length : {0ul, 1ul, 1000ul, 65535ul, 65536ul}) {
    const std::string key = "http://a/" + std::to_string(length);
    const std::string body = pattern(length, 0, length);
    Draft draft = draft_of(key, "HTTP/1.1 200 OK\r\netag: \"x\"\r\n");
    draft.meta.freshness_lifetime = 60;
    draft.meta.response_time_ms = 1'700'000'000'123;
    REQUIRE(store.begin(draft, body).commit());
    const Lookup found = reader.lookup(key_of(key), {});
    REQUIRE(found.state == Lookup::State::hit);
    CHECK(found.response->key() == key);
    CHECK(found.response->head() == draft.head);
    CHECK(found.response->small_body() == body);
    CHECK(found.response->body_length() == length);
    CHECK(found.response->selecting().empty());
    CHECK(found.response->meta().freshness_lifetime == 60);
    CHECK(found.response->meta().response_time_ms == 1'700'000'000'123);
    reader.turn_end();
  }
  CHECK_FALSE(has(reader, "http://a/2"));
}

TEST_CASE("keys with the same hash are told apart", "[cache][store]") {
  Store store(megabytes(8));
  Reader& reader = store.add_reader();
  for (const std::string_view key : {"one", "two", "three"}) {
    Draft draft = draft_of(key);
    draft.key.hash = 42;
    REQUIRE(store.begin(draft, key).commit());
  }
  for (const std::string_view key : {"one", "two", "three"}) {
    const Lookup found = reader.lookup({key, 42}, {});
    REQUIRE(found.state == Lookup::State::hit);
    CHECK(found.response->small_body() == key);
  }
  CHECK(reader.lookup({"four", 42}, {}).state == Lookup::State::miss);
  reader.turn_end();
  CHECK(store.purge({"two", 42}) == 1);
  CHECK(reader.lookup({"one", 42}, {}).state == Lookup::State::hit);
  CHECK(reader.lookup({"two", 42}, {}).state == Lookup::State::miss);
  reader.turn_end();
}

TEST_CASE("a writer that is dropped stores nothing and leaves no charge", "[cache][store]") {
  Store store(megabytes(8));
  Reader& reader = store.add_reader();
  const uint64_t before = store.budget().used();
  { Writer writer = store.begin(draft_of("k"), "body"); }
  CHECK(store.budget().used() == before);
  CHECK_FALSE(has(reader, "k"));
}

TEST_CASE("a later commit takes the place of an earlier one", "[cache][store]") {
  Store store(megabytes(8));
  Reader& reader = store.add_reader();
  put_small(store, "k", "old");
  put_small(store, "k", "new");
  CHECK(look(reader, "k") == "new");
  CHECK(store.stats().responses == 1);
}

TEST_CASE("a large body is shared, not copied; a small one is copied", "[cache][store]") {
  Store store(megabytes(64));
  Reader& reader = store.add_reader();
  const auto large = complete_body(store.budget(), 5, 1'000'000);
  REQUIRE(store.begin(draft_of("large"), large).commit());
  const auto small = complete_body(store.budget(), 6, 1000);
  REQUIRE(store.begin(draft_of("small"), small).commit());
  const Lookup found = reader.lookup(key_of("large"), {});
  REQUIRE_FALSE(found.response->has_small_body());
  CHECK(found.response->large_body() == large);
  CHECK(found.response->body_length() == 1'000'000);
  CHECK(found.response->head() == "HTTP/1.1 200 OK\r\n");
  CHECK(reader.lookup(key_of("small"), {}).response->has_small_body());
  CHECK(small.use_count() == 1);
  reader.turn_end();
  CHECK(look(reader, "small") == pattern(6, 0, 1000));
}

TEST_CASE("shards make room in step, so that none keeps what is older than what others give up",
          "[cache][store]") {
  StoreOptions options = megabytes(32);
  options.shards = 16;
  Store store(options);
  Reader& reader = store.add_reader();
  for (int i = 0; i < 10'000; ++i) put_small(store, "small-" + std::to_string(i), std::string(1000, 's'));
  REQUIRE(store.stats().evictions == 0);
  // Three times the budget in responses of twenty times that size.
  int last = 0;
  for (; last < 5'000; ++last) {
    REQUIRE(store.begin(draft_of("large-" + std::to_string(last)), complete_body(store.budget(), 5, 20'000))
                .commit());
  }
  size_t small_left = 0;
  for (int i = 0; i < 10'000; ++i) small_left += has(reader, "small-" + std::to_string(i)) ? 1 : 0;
  CHECK(small_left == 0);
  // And of the large ones it is the newest that are left, give or take what chance makes of their shards.
  size_t large_left = 0;
  for (int i = 0; i < last; ++i) large_left += has(reader, "large-" + std::to_string(i)) ? 1 : 0;
  size_t newest = 0;
  for (int i = last - static_cast<int>(large_left * 3 / 4); i < last; ++i)
    newest += has(reader, "large-" + std::to_string(i)) ? 1 : 0;
  CHECK(large_left > 1'000);
  CHECK(newest >= large_left * 3 / 4 * 95 / 100);
}

TEST_CASE(
    "a response larger than a shard's share of the budget stays while it is in use, and so do its neighbours",
    "[cache][store]") {
  StoreOptions options = megabytes(32);
  options.shards = 16;
  Store store(options);
  Reader& reader = store.add_reader();
  REQUIRE(store.begin(draft_of("huge"), complete_body(store.budget(), 5, 3'900'000)).commit());
  const std::string body(1000, 's');
  size_t huge_seen = 0;
  size_t near_seen = 0;
  size_t far_seen = 0;
  const unsigned shard = static_cast<unsigned>(key_of("huge").hash >> 60);
  std::vector<std::string> near;
  std::vector<std::string> far;
  for (int i = 0; near.size() < 100 || far.size() < 100; ++i) {
    std::string key = "used-" + std::to_string(i);
    auto& list = static_cast<unsigned>(key_of(key).hash >> 60) == shard ? near : far;
    if (list.size() < 100) list.push_back(key);
  }
  for (const auto* list : {&near, &far}) {
    for (const std::string& key : *list) put_small(store, key, body);
  }
  constexpr int rounds = 400;
  for (int round = 0; round < rounds; ++round) {
    for (int i = 0; i < 200; ++i) put_small(store, "once-" + std::to_string(round * 200 + i), body);
    huge_seen += has(reader, "huge") ? 1 : 0;
    for (const std::string& key : near) near_seen += has(reader, key) ? 1 : 0;
    for (const std::string& key : far) far_seen += has(reader, key) ? 1 : 0;
  }
  CHECK(store.stats().evictions > 40'000);
  CHECK(huge_seen == rounds);
  CHECK(far_seen == 100 * rounds);
  CHECK(near_seen == 100 * rounds);
}

TEST_CASE("what cannot be kept is refused and leaves no charge", "[cache][store]") {
  Store store(megabytes(8));
  Reader& reader = store.add_reader();
  const uint64_t before = store.budget().used();
  const std::string long_text(70'000, 'x');
  auto growing = std::make_shared<GrowingBody>(store.budget(), std::nullopt);
  auto failed = std::make_shared<GrowingBody>(store.budget(), std::nullopt);
  failed->fail();
  CHECK_FALSE(store.begin(draft_of("k"), long_text).commit());          // beyond 64 KiB
  CHECK_FALSE(store.begin(draft_of(long_text), "body").commit());       // key
  CHECK_FALSE(store.begin(draft_of("k", long_text), "body").commit());  // head
  CHECK_FALSE(store.begin(draft_of("k"), growing).commit());
  CHECK_FALSE(store.begin(draft_of("k"), failed).commit());
  CHECK_FALSE(store.begin(draft_of("k"), complete_body(store.budget(), 1, (1 << 20) + 1))
                  .commit());  // over an eighth
  growing = failed = nullptr;
  CHECK_FALSE(has(reader, "k"));
  CHECK(store.budget().used() == before);
}

TEST_CASE("a trimmed body is not stored", "[cache][store]") {
  Store store(megabytes(64));
  const auto body = complete_body(store.budget(), 1, 300'000);
  body->trim(100'000);
  CHECK_FALSE(store.begin(draft_of("k"), body).commit());
}

TEST_CASE("how long a stale response may be used is kept, and costs memory only where it is",
          "[cache][store]") {
  Store store(megabytes(64));
  Reader& reader = store.add_reader();
  const auto body = complete_body(store.budget(), 5, 1'000'000);
  for (const auto& [while_revalidate, if_error] : {std::pair{0, 0}, {1, 0}, {0, 2}, {0x7fffffff, 3}}) {
    for (const bool large : {false, true}) {
      Draft draft = draft_of("k", "HTTP/1.1 200 OK\r\n");
      std::string selecting;
      selecting_bytes(std::string_view("accept\0", 7), {}, selecting);
      draft.selecting = selecting;
      draft.meta.status = 599;
      draft.meta.flags = 0x0ff;
      draft.meta.corrected_initial_age = -1;
      draft.meta.freshness_lifetime = 0x7ffffffe;
      draft.meta.response_time_ms = (int64_t{1} << 42) - 1;
      draft.meta.stale_while_revalidate = while_revalidate;
      draft.meta.stale_if_error = if_error;
      store.purge(key_of("k"));
      const uint64_t before = store.budget().used();
      CHECK((large ? store.begin(draft, body) : store.begin(draft, "seventeen bytes!!")).commit());
      const StoredResponse& stored = *reader.lookup(key_of("k"), {}).response;
      const ResponseMeta meta = stored.meta();
      CHECK(meta.status == 599);
      CHECK(meta.flags == 0x0ff);
      CHECK(meta.corrected_initial_age == -1);
      CHECK(meta.freshness_lifetime == 0x7ffffffe);
      CHECK(meta.response_time_ms == (int64_t{1} << 42) - 1);
      CHECK(meta.stale_while_revalidate == while_revalidate);
      CHECK(meta.stale_if_error == if_error);
      CHECK(stored.key() == "k");
      CHECK(stored.head() == "HTTP/1.1 200 OK\r\n");
      CHECK(stored.selecting() == draft.selecting);
      if (large) CHECK(stored.large_body() == body);
      if (!large) CHECK(stored.small_body() == "seventeen bytes!!");
      CHECK(store.budget().used() > before);
      reader.turn_end();
    }
  }
  store.purge(key_of("k"));
}

TEST_CASE("a refresh renews head and metadata and keeps the body", "[cache][store]") {
  Store store(megabytes(64));
  Reader& reader = store.add_reader();
  put_small(store, "small", "the body");
  const auto body = complete_body(store.budget(), 3, 500'000);
  store.begin(draft_of("large"), body).commit();
  for (const std::string_view key : {"small", "large"}) {
    const StoredResponse* stored = reader.lookup(key_of(key), {}).response;
    Draft renewed = draft_of(key, "HTTP/1.1 200 OK\r\nage: 0\r\n");
    renewed.meta.freshness_lifetime = 99;
    REQUIRE(store.refresh(*stored, renewed));
    CHECK_FALSE(store.refresh(*stored, renewed));    // it is no longer in the index
    CHECK(stored->head() == "HTTP/1.1 200 OK\r\n");  // and still readable in this turn
    const Lookup again = reader.lookup(key_of(key), {});
    CHECK(again.response->head() == renewed.head);
    CHECK(again.response->meta().freshness_lifetime == 99);
    reader.turn_end();
  }
  CHECK(look(reader, "small") == "the body");
  CHECK(reader.lookup(key_of("large"), {}).response->large_body() == body);
  reader.turn_end();
  CHECK(store.stats().responses == 2);
}

TEST_CASE("what was looked up stays readable until the turn ends, then it is freed",
          "[cache][store][reclaim]") {
  Store store(megabytes(8));
  Reader& reader = store.add_reader();
  Reader& other = store.add_reader();
  const uint64_t empty = store.budget().used();
  put_small(store, "k", "the body");
  const StoredResponse* stored = reader.lookup(key_of("k"), {}).response;
  CHECK(store.purge(key_of("k")) == 1);
  CHECK_FALSE(has(other, "k"));
  CHECK(stored->small_body() == "the body");
  CHECK(store.budget().used() > empty);
  reader.turn_end();
  CHECK(store.budget().used() < empty + 2048);  // what remains is the eviction queue's
  CHECK(store.stats().responses == 0);
}

TEST_CASE("a parked reader keeps nothing", "[cache][store][reclaim]") {
  Store store(megabytes(8));
  Reader& parked = store.add_reader();
  put_small(store, "k", "the body");
  has(parked, "k");
  const uint64_t before = store.budget().used();
  store.purge(key_of("k"));
  CHECK(store.budget().used() < before);
}

TEST_CASE("a pinned response outlives turns and eviction, until the last pin of the last reader",
          "[cache][store][reclaim]") {
  Store store(megabytes(8));
  Reader& one = store.add_reader();
  Reader& two = store.add_reader();
  put_small(store, "k", "the body");
  const StoredResponse* stored = one.lookup(key_of("k"), {}).response;
  one.pin(*stored);
  one.pin(*stored);
  REQUIRE(two.lookup(key_of("k"), {}).response == stored);
  two.pin(*stored);
  one.turn_end();
  two.turn_end();
  store.purge(key_of("k"));
  const uint64_t pinned = store.budget().used();
  one.unpin(*stored);
  two.unpin(*stored);
  CHECK(stored->small_body() == "the body");
  CHECK(store.budget().used() == pinned);
  CHECK(one.pinned() == 1);
  one.unpin(*stored);
  CHECK(store.budget().used() < pinned);
  CHECK(one.pinned() == 0);
}

TEST_CASE("a pin of something still stored costs nothing when it goes", "[cache][store][reclaim]") {
  Store store(megabytes(8));
  Reader& reader = store.add_reader();
  std::vector<const StoredResponse*> pinned;
  for (int i = 0; i < 200; ++i) {
    const std::string key = "k" + std::to_string(i);
    put_small(store, key, key);
    pinned.push_back(reader.lookup(key_of(key), {}).response);
    reader.pin(*pinned.back());
  }
  reader.turn_end();
  CHECK(reader.pinned() == 200);
  for (int i = 0; i < 200; i += 2) store.purge(key_of("k" + std::to_string(i)));
  for (const StoredResponse* response : pinned) {
    CHECK(response->small_body() == response->key());
    reader.unpin(*response);
  }
  CHECK(reader.pinned() == 0);
  CHECK(store.stats().responses == 100);
  CHECK(has(reader, "k1"));
}

TEST_CASE("the budget holds at rest through 100,000 inserts of mixed sizes", "[cache][store][budget]") {
  Store store(megabytes(16));
  Reader& reader = store.add_reader();
  Random random(20240607);
  const std::string bytes = pattern(1, 0, 65536);
  for (int i = 0; i < 100'000; ++i) {
    const std::string key = "http://h/" + std::to_string(random.below(30'000));
    if (random.below(200) == 0) {
      store.begin(draft_of(key), complete_body(store.budget(), 1, 70'000 + random.below(1'000'000))).commit();
    } else if (random.below(20) == 0) {
      store.purge(key_of(key));
    } else {
      put_small(store, key,
                std::string_view(bytes).substr(0, random.below(random.below(20) == 0 ? 65536 : 2000)));
    }
    if (store.budget().used() > store.budget().bytes_max()) {
      FAIL_CHECK("over budget after insert " << i << ": " << store.budget().used());
      break;
    }
    if (i % 3 == 0) has(reader, key);
  }
  CHECK(store.stats().evictions > 1000);
  CHECK(store.stats().responses > 1000);
  // Full, not merely within: what is charged is near the budget.
  CHECK(store.budget().used() > store.budget().bytes_max() * 9 / 10);
}

TEST_CASE("what the budget says is used is the sum of what is stored", "[cache][store][budget]") {
  Store store(megabytes(16));
  Reader& reader = store.add_reader();
  const uint64_t empty = store.budget().used();
  uint64_t bytes = 0;
  for (int i = 0; i < 5000; ++i) {
    const std::string key = "http://h/" + std::to_string(i);
    put_small(store, key, pattern(1, 0, 1024));
    const StoredResponse* stored = reader.lookup(key_of(key), {}).response;
    bytes += key.size() + stored->head().size() + stored->small_body().size();
    reader.turn_end();
  }
  const double metadata = static_cast<double>(store.budget().used() - empty - bytes) / 5000;
  CHECK(metadata > 48);
  CHECK(metadata < 72);
  for (int i = 0; i < 5000; ++i) store.purge(key_of("http://h/" + std::to_string(i)));
  CHECK(store.budget().used() < empty + 16 * 16 * 1024);  // the queues' slots, some kept for the next
}

TEST_CASE("a response of an eighth of the budget can be stored in a full cache, whatever its shard",
          "[cache][store][budget]") {
  Store store(megabytes(32));
  Reader& reader = store.add_reader();
  for (int i = 0; i < 40'000; ++i) put_small(store, "filler" + std::to_string(i), pattern(1, 0, 1000));
  REQUIRE(store.stats().evictions > 0);
  for (int i = 0; i < 20; ++i) {
    const std::string key = "large" + std::to_string(i);
    INFO(key);
    const size_t length = (4 << 20) - 20'000;
    REQUIRE(store.begin(draft_of(key), complete_body(store.budget(), 7, length)).commit());
    CHECK(has(reader, key));
    CHECK(store.budget().used() <= store.budget().bytes_max());
  }
}

TEST_CASE("others make room for what is pinned; when everything is pinned a commit is refused",
          "[cache][store][budget]") {
  Store store(megabytes(8));
  Reader& reader = store.add_reader();
  std::vector<const StoredResponse*> pinned;
  size_t refused = 0;
  for (int i = 0; i < 300; ++i) {
    const std::string key = "k" + std::to_string(i);
    if (!put_small(store, key, pattern(1, 0, 60'000))) {
      ++refused;
      continue;
    }
    const Lookup found = reader.lookup(key_of(key), {});
    REQUIRE(found.state == Lookup::State::hit);
    reader.pin(*found.response);
    pinned.push_back(found.response);
    reader.turn_end();
  }
  CHECK(refused > 100);
  // With nothing left to evict only the queues' own few pages can come on top.
  CHECK(store.budget().used() <= store.budget().bytes_max() + 16 * 1024);
  for (const StoredResponse* response : pinned) {
    CHECK(matches_pattern(response->small_body(), 1));
    reader.unpin(*response);
  }
  CHECK(put_small(store, "again", "body"));
}

TEST_CASE("everything else leaves for bytes that a fill in flight has charged", "[cache][store][budget]") {
  Store store(megabytes(8));
  for (int i = 0; i < 6000; ++i) put_small(store, "k" + std::to_string(i), pattern(1, 0, 1000));
  store.budget().charge(4 << 20);
  CHECK(store.budget().exceeded());
  CHECK(store.make_room());
  CHECK_FALSE(store.budget().exceeded());
  store.budget().charge(8 << 20);
  CHECK_FALSE(store.make_room());
  CHECK(store.stats().responses == 0);
  store.budget().release(12 << 20);
}

TEST_CASE("an LRU store evicts the least recently used", "[cache][store][lru]") {
  StoreOptions options = megabytes(1, 1);
  options.eviction = EvictionKind::lru;
  Store store(options);
  Reader& reader = store.add_reader();
  put_small(store, "hot", "body");
  for (int i = 0; i < 5000; ++i) {
    put_small(store, "k" + std::to_string(i), pattern(1, 0, 1000));
    CHECK(has(reader, "hot"));
  }
  CHECK(store.stats().evictions > 3000);
  CHECK(has(reader, "k4999"));
  CHECK_FALSE(has(reader, "k0"));
}

TEST_CASE("prefetching a hash changes nothing", "[cache][store]") {
  Store store(megabytes(8));
  Reader& reader = store.add_reader();
  put_small(store, "k", "body");
  reader.prefetch(key_of("k").hash);
  reader.prefetch(0);
  reader.prefetch(~uint64_t{0});
  CHECK(has(reader, "k"));
}
