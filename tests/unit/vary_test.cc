#include <catch2/catch_test_macros.hpp>
#include <random>

#include "edge/base/bytes.h"
#include "edge/cache/key.h"
#include "tests/unit/fields_of.h"

using namespace perigee::cache;
using perigee::http::FieldList;
using perigee::test::fields_of;
using namespace std::string_literals;

namespace {

// Do the two requests select the same variant of an answer with that Vary?
bool same(std::string_view vary, const FieldList& first, const FieldList& second) {
  std::string selecting;
  selecting_bytes(parse_vary(fields_of({{"Vary", vary}})).names, first, selecting);
  std::string other;
  selecting_bytes(parse_vary(fields_of({{"Vary", vary}})).names, second, other);
  const bool selected = selects(selecting, second);
  CHECK(selected == (selecting == other));
  return selected;
}

}  // namespace

TEST_CASE("Vary is parsed into sorted, unique, lower-case names", "[vary]") {
  CHECK(parse_vary(fields_of({})).names == "");
  CHECK(parse_vary(fields_of({{"Vary", "Foo"}})).names == "foo\0"s);
  CHECK(parse_vary(fields_of({{"Vary", "foo, BAR,foo ,, baz"}})).names == "bar\0baz\0foo\0"s);
  CHECK(parse_vary(fields_of({{"vary", "b"}, {"x", "y"}, {"VARY", "a"}})).names == "a\0b\0"s);
  CHECK_FALSE(parse_vary(fields_of({{"Vary", ", ,"}})).any);
}

TEST_CASE("a star anywhere in Vary, or what is no field name, matches nothing", "[vary]") {
  for (const char* value : {"*", "*, *", ", *", "*, foo", "foo, *", "foo bar", "foo/1", "\"foo\""}) {
    INFO(value);
    CHECK(parse_vary(fields_of({{"Vary", value}})).any);
  }
  CHECK(parse_vary(fields_of({{"Vary", ""}, {"Vary", "*"}})).any);
}

TEST_CASE("selecting fields match when they mean the same", "[vary]") {
  CHECK(same("foo", fields_of({{"Foo", "1"}}), fields_of({{"foo", "1"}})));
  CHECK(same("foo", fields_of({{"Foo", "1, 2"}}), fields_of({{"Foo", "1"}, {"Foo", "2"}})));
  CHECK(same("foo", fields_of({{"Foo", "1,2"}}), fields_of({{"Foo", "1 ,\t2"}})));
  CHECK(same("foo", fields_of({}), fields_of({{"Bar", "1"}})));
  CHECK(same("foo, bar", fields_of({{"Bar", "2"}, {"Foo", "1"}}), fields_of({{"Foo", "1"}, {"Bar", "2"}})));
  CHECK(same("foo", fields_of({{"Foo", "\"a, b\""}}), fields_of({{"Foo", "\"a, b\""}})));
}

TEST_CASE("an update that names other fields selects by its own request (RFC 9111 3.2)", "[vary]") {
  const FieldList request = fields_of({{"Foo", "1"}, {"Bar", "2"}});
  const auto updated = [&](std::string_view selecting, std::string_view vary) {
    return updated_selecting(selecting, request, fields_of({{"Vary", vary}}));
  };
  const std::string by_foo = "foo\0other\0"s;
  CHECK(updated(by_foo, "foo") == by_foo);
  CHECK(updated(by_foo, "FOO,") == by_foo);
  CHECK(updated(by_foo, "") == by_foo);
  CHECK(updated(by_foo, "bar") == "bar\0"s + "2\0"s);
  CHECK(updated(by_foo, "foo, bar") == "bar\0"s + "2\0foo\0"s + "1\0"s);
  CHECK(updated("", "foo") == "foo\0"s + "1\0"s);
  CHECK(updated("", "") == "");
}

TEST_CASE("selecting fields that differ select different variants", "[vary]") {
  CHECK_FALSE(same("foo", fields_of({{"Foo", "1"}}), fields_of({{"Foo", "2"}})));
  CHECK_FALSE(same("foo", fields_of({{"Foo", "1"}}), fields_of({{"Foo", "12"}})));
  CHECK_FALSE(same("foo", fields_of({{"Foo", "12"}}), fields_of({{"Foo", "1"}})));
  CHECK_FALSE(same("foo", fields_of({{"Foo", "1"}}), fields_of({})));
  CHECK_FALSE(same("foo", fields_of({}), fields_of({{"Foo", "1"}})));
  CHECK_FALSE(same("foo", fields_of({}), fields_of({{"Foo", ""}})));
  CHECK_FALSE(same("foo", fields_of({{"Foo", "a"}}), fields_of({{"Foo", "A"}})));
  CHECK_FALSE(same("foo", fields_of({{"Foo", "1, 2"}}), fields_of({{"Foo", "2, 1"}})));
  CHECK_FALSE(same("foo", fields_of({{"Foo", "\"a, b\""}}), fields_of({{"Foo", "\"a,b\""}})));
  CHECK_FALSE(same("foo, bar", fields_of({{"Foo", "1"}}), fields_of({{"Bar", "1"}})));
}

TEST_CASE("languages match in any order, case and spelling of weights", "[vary]") {
  const auto lang = [](std::string_view value) { return fields_of({{"Accept-Language", value}}); };
  CHECK(same("accept-language", lang("en, de"), lang("de,EN")));
  CHECK(same("accept-language", lang("en, de"), lang(" en ,   de")));
  CHECK(same("accept-language", lang("en;q=0.5, de"), lang("de;q=1.0,en; q=0.500")));
  CHECK(same("accept-language", lang("en"), fields_of({{"Accept-Language", ""}, {"accept-language", "EN"}})));
  CHECK_FALSE(same("accept-language", lang("en;q=0.5, de"), lang("en, de")));
  CHECK_FALSE(same("accept-language", lang("en"), lang("en-us")));
  CHECK_FALSE(same("accept-language", lang("en"), fields_of({})));
  CHECK_FALSE(same("accept-language", fields_of({}), lang("")));
  CHECK(same("accept-language", lang("a,b,c,d,e,f,g,h,i,j,k,l,m,n,o,p,q"),
             lang("a,b,c,d,e,f,g,h,i,j,k,l,m,n,o,p,q")));
  CHECK_FALSE(same("accept-language", lang("a,b,c,d,e,f,g,h,i,j,k,l,m,n,o,p,q"),
                   lang("a,b,c,d,e,f,g,h,i,j,k,l,m,n,o,q,p")));
}

TEST_CASE("a stored language is selected by who likes that one best", "[vary]") {
  std::string selecting;
  selecting_bytes("accept-language\0"s, fields_of({{"Accept-Language", "en, de"}}),
                  fields_of({{"Content-Language", "DE"}}), selecting);
  const auto selected = [&](std::string_view value) {
    return selects(selecting, fields_of({{"Accept-Language", value}}));
  };
  CHECK(selected("de"));
  CHECK(selected("fr;q=0.5, de;q=1.0"));
  CHECK(selected("de, en"));  // as the request it was stored for
  CHECK_FALSE(selected("de, fr"));
  CHECK_FALSE(selected("fr, de;q=0.5"));
  CHECK_FALSE(selected("de;q=0"));
  CHECK_FALSE(selected("*"));
  CHECK_FALSE(selects(selecting, fields_of({})));
  std::string two;
  selecting_bytes("accept-language\0"s, fields_of({{"Accept-Language", "en"}}),
                  fields_of({{"Content-Language", "de, fr"}}), two);
  CHECK_FALSE(selects(two, fields_of({{"Accept-Language", "de"}})));
}

TEST_CASE("Accept-Encoding is reduced to eight classes", "[vary]") {
  struct Row {
    const char *value, *reduced;
  };
  for (const Row& row : {Row{"", "identity"},
                         {"identity", "identity"},
                         {"deflate", "identity"},
                         {"gzip", "gzip"},
                         {"GZIP;q=0.5", "gzip"},
                         {"x-gzip", "gzip"},
                         {"gzip;q=0", "identity"},
                         {"gzip; q=0.000", "identity"},
                         {"gzip, deflate, br", "br, gzip"},
                         {"br, gzip", "br, gzip"},
                         {"gzip, deflate, br, zstd", "zstd, br, gzip"},
                         {"*", "zstd, br, gzip"},
                         {"*;q=0", "identity"},
                         {"br;q=0, *", "zstd, gzip"},
                         {"zstd", "zstd"},
                         {"br", "br"},
                         {"zstd, br", "zstd, br"},
                         {"gzip;q=nonsense", "identity"}}) {
    INFO(row.value);
    CHECK(accept_encoding_class(fields_of({{"Accept-Encoding", row.value}})) == row.reduced);
  }
  CHECK(accept_encoding_class(fields_of({})) == "identity");
  CHECK(same("accept-encoding", fields_of({}), fields_of({{"Accept-Encoding", "identity"}})));
  CHECK(same("accept-encoding", fields_of({{"Accept-Encoding", "gzip, deflate"}}),
             fields_of({{"Accept-Encoding", "gzip"}})));
  CHECK_FALSE(same("accept-encoding", fields_of({{"Accept-Encoding", "br"}}),
                   fields_of({{"Accept-Encoding", "gzip"}})));
}

TEST_CASE("every request selects what was stored without Vary", "[vary]") {
  CHECK(selects("", fields_of({{"Foo", "1"}})));
}

TEST_CASE("selects agrees with building the bytes, for random requests", "[vary]") {
  static constexpr std::string_view pieces[] = {"a",        "b",    ",", " ",  "\"",   "\\", "de",
                                                "en;q=0.5", ";q=1", "*", ", ", "gzip", "br"};
  static constexpr std::string_view names[] = {"foo", "accept-language", "accept-encoding"};
  std::mt19937 random(42);
  for (int i = 0; i < 5000; ++i) {
    std::string values[4];
    FieldList requests[2];
    for (int n = 0; n < 4; ++n) {
      for (size_t left = random() % 5; left > 0; --left) values[n] += pieces[random() % std::size(pieces)];
      if (random() % 4 != 0) requests[n / 2].add(names[random() % 3], perigee::trim_ows(values[n]));
    }
    CHECK((same("foo, accept-language, accept-encoding", requests[0], requests[1]) || true));
  }
}
