// Several responses under one key: variants, those without selecting bytes among them, and markers.
#include <catch2/catch_test_macros.hpp>

#include "edge/cache/store.h"
#include "edge/http/fields.h"
#include "tests/unit/cache_rig.h"

using namespace perigee;
using namespace perigee::cache;
using namespace perigee::cache::rig;

namespace {

http::FieldList language(std::string_view value) {
  http::FieldList request;
  request.add("accept-language", value);
  return request;
}

bool put_variant(Store& store, std::string_view key, std::string_view value, std::string_view body) {
  std::string names("accept-language");
  names.push_back('\0');
  std::string selecting;
  selecting_bytes(names, language(value), selecting);
  Draft draft = draft_of(key);
  draft.selecting = selecting;
  return store.begin(draft, body).commit();
}

}  // namespace

TEST_CASE("a request finds the variant it selects, else learns that there are others",
          "[cache][store][vary]") {
  Store store(megabytes(8));
  Reader& reader = store.add_reader();
  REQUIRE(put_variant(store, "k", "de", "hallo"));
  REQUIRE(put_variant(store, "k", "fr", "salut"));
  CHECK(reader.lookup(key_of("k"), language("de")).response->small_body() == "hallo");
  CHECK(reader.lookup(key_of("k"), language("fr")).response->small_body() == "salut");
  const Lookup none = reader.lookup(key_of("k"), language("it"));
  CHECK(none.state == Lookup::State::miss);
  CHECK(none.other_variants);
  CHECK_FALSE(reader.lookup(key_of("other"), language("it")).other_variants);
  reader.turn_end();
  REQUIRE(put_variant(store, "k", "de", "moin"));
  CHECK(reader.lookup(key_of("k"), language("de")).response->small_body() == "moin");
  reader.turn_end();
  CHECK(store.stats().responses == 2);
  CHECK(store.purge(key_of("k")) == 2);
  CHECK(store.stats().responses == 0);
}

TEST_CASE("of several that match, the newest is found", "[cache][store][vary]") {
  Store store(megabytes(8));
  Reader& reader = store.add_reader();
  put_variant(store, "k", "de", "variant");
  put_small(store, "k", "without vary");
  CHECK(reader.lookup(key_of("k"), language("de")).response->small_body() == "without vary");
  put_variant(store, "k", "de", "variant again");
  CHECK(reader.lookup(key_of("k"), language("de")).response->small_body() == "variant again");
  // Something with Vary is newer (RFC 9111 4.1).
  CHECK(reader.lookup(key_of("k"), language("fr")).response == nullptr);
  CHECK(reader.lookup(key_of("k"), language("fr")).other_variants);
  reader.turn_end();
  CHECK(store.stats().responses == 1);
}

TEST_CASE("a refresh may select otherwise, and takes the place of what is selected like it",
          "[cache][store][vary]") {
  Store store(megabytes(8));
  Reader& reader = store.add_reader();
  put_variant(store, "k", "de", "variant");
  put_small(store, "k", "without vary");
  put_small(store, "other", "without vary");
  const StoredResponse* stored = reader.lookup(key_of("k"), {}).response;
  const std::string selecting(reader.all(key_of("k")).back()->selecting());
  Draft renewed = draft_of("k");
  renewed.selecting = selecting;
  REQUIRE(store.refresh(*stored, renewed));
  CHECK(reader.lookup(key_of("k"), language("de")).response->small_body() == "without vary");
  CHECK(reader.lookup(key_of("k"), {}).response == nullptr);
  CHECK(look(reader, "other") == "without vary");
  reader.turn_end();
  CHECK(store.stats().responses == 2);
  CHECK(store.purge(key_of("k")) == 1);
}

TEST_CASE("a key has at most so many variants; the oldest goes", "[cache][store][vary]") {
  Store store(megabytes(8));
  Reader& reader = store.add_reader();
  auto name = [](size_t i) {
    return "x" + std::string(1, static_cast<char>('a' + i / 26)) + static_cast<char>('a' + i % 26);
  };
  for (size_t i = 0; i < variants_max + 3; ++i) REQUIRE(put_variant(store, "k", name(i), std::to_string(i)));
  CHECK(store.stats().responses == variants_max);
  for (size_t i = 0; i < variants_max + 3; ++i) {
    INFO(i);
    const Lookup found = reader.lookup(key_of("k"), language(name(i)));
    CHECK((found.state == Lookup::State::hit) == (i >= 3));
  }
  reader.turn_end();
}

TEST_CASE("hit-for-miss is found whatever the request selects, and gives way to a commit", "[cache][store]") {
  Store store(megabytes(8));
  Reader& reader = store.add_reader();
  ResponseMeta meta;
  meta.freshness_lifetime = 120;
  store.remember_hit_for_miss(key_of("k"), meta);
  store.remember_hit_for_miss(key_of("k"), meta);
  CHECK(store.stats().responses == 1);
  const Lookup found = reader.lookup(key_of("k"), language("de"));
  REQUIRE(found.state == Lookup::State::hit);
  CHECK(found.response->meta().is(ResponseMeta::hit_for_miss));
  CHECK(found.response->meta().freshness_lifetime == 120);
  reader.turn_end();

  put_variant(store, "k", "de", "hallo");
  CHECK(reader.lookup(key_of("k"), language("fr")).state == Lookup::State::miss);
  // A marker beside a stored variant does not hide it.
  store.remember_hit_for_miss(key_of("k"), meta);
  CHECK(reader.lookup(key_of("k"), language("de")).response->small_body() == "hallo");
  CHECK(reader.lookup(key_of("k"), language("fr")).response->meta().is(ResponseMeta::hit_for_miss));
  reader.turn_end();
  CHECK(store.purge(key_of("k")) == 1);
  CHECK(store.stats().responses == 0);
}
