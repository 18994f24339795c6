#include "edge/cluster/top_keys.h"

#include <algorithm>
#include <catch2/catch_test_macros.hpp>
#include <string>

#include "edge/base/hash.h"

namespace perigee::cluster {
namespace {

using namespace std::chrono_literals;

constexpr MonoTime start{1000s};

void ask(TopKeys& keys, const std::string& key, MonoTime now) {
  if (keys.due()) keys.add(key, hash64(key), now);
}

double requests_for(const TopView& view, const std::string& key) {
  for (const TopKey& one : view.keys) {
    if (one.key == key) return one.requests;
  }
  return 0;
}

std::string name(size_t i) { return "http://a.example/" + std::to_string(i); }

TEST_CASE("at a low rate every request counts", "[cluster][top]") {
  TopKeys keys;
  for (int i = 0; i < 1000; ++i) ask(keys, i % 4 == 0 ? "http://a/rare" : "http://a/often", start + i * 5ms);
  const TopView view = merge({keys.view(start + 5s)}, 10);
  CHECK(view.requests == 1000);
  REQUIRE(view.keys.size() == 2);
  CHECK(view.keys[0].key == "http://a/often");
  CHECK(view.keys[0].requests == 750);
  CHECK(view.keys[1].requests == 250);
}

TEST_CASE("at a high rate few requests are looked at, and shares come out right", "[cluster][top]") {
  TopKeys keys;
  Random random(3);
  size_t looked_at = 0;
  constexpr int total = 500'000;
  for (int i = 0; i < total; ++i) {
    const double dice = random.unit();
    const std::string key = dice < 0.3    ? "http://a/most"
                            : dice < 0.4  ? "http://a/some"
                            : dice < 0.42 ? "http://a/few"
                                          : name(random.below(100'000));
    if (!keys.due()) continue;
    ++looked_at;
    keys.add(key, hash64(key), start + i * 10us);
  }
  const TopView view = merge({keys.view(start + 5s)}, 3);
  CHECK(keys.interval() > 32);
  CHECK(looked_at < total / 32);
  CHECK(std::abs(view.requests / total - 1) < 0.05);
  CHECK(std::abs(requests_for(view, "http://a/most") / total - 0.3) < 0.03);
  CHECK(std::abs(requests_for(view, "http://a/some") / total - 0.1) < 0.02);
  REQUIRE(view.keys.size() == 3);
  CHECK(view.keys[2].key == "http://a/few");
}

TEST_CASE("what is always asked for together, in the same order, gets the same share", "[cluster][top]") {
  TopKeys keys;
  constexpr size_t parts = 16;
  constexpr size_t pages = 40'000;
  for (size_t page = 0; page < pages; ++page) {
    for (size_t part = 0; part < parts; ++part) ask(keys, name(part), start + page * 200us);
  }
  CHECK(keys.interval() > 8);
  const TopView view = keys.view(start + 8s);
  for (size_t part = 0; part < parts; ++part) {
    INFO(part);
    CHECK(std::abs(requests_for(view, name(part)) / pages - 1) < 0.25);
  }
}

TEST_CASE("a key that comes new has nothing for certain of what others left it", "[cluster][top]") {
  TopKeys keys;
  for (size_t i = 0; i < 40 * TopKeys::entries_max; ++i) ask(keys, name(i), start + i * 3500us);
  const TopView view = keys.view(start + 9s);
  REQUIRE(view.keys.size() == TopKeys::entries_max);
  for (const TopKey& key : view.keys) CHECK(key.requests == 1);
}

TEST_CASE("what nobody asks for any more is forgotten", "[cluster][top]") {
  TopKeys keys;
  for (int i = 0; i < 100; ++i) ask(keys, "http://a/old", start + i * 5ms);
  CHECK(requests_for(keys.view(start + 1s), "http://a/old") == 100);
  CHECK(requests_for(keys.view(start + 11s), "http://a/old") == 50);
  CHECK(keys.view(start + 100s).keys.empty());
  CHECK(keys.view(start + 100s).requests == 0);
}

TEST_CASE("a node that has become quiet looks closely again once somebody looks at it", "[cluster][top]") {
  TopKeys keys;
  for (int i = 0; i < 100'000; ++i) ask(keys, name(0), start + i * 10us);
  REQUIRE(keys.interval() > 8);
  keys.view(start + 10s);
  CHECK(keys.interval() == 1);
  ask(keys, "http://a/single", start + 11s);
  CHECK(requests_for(keys.view(start + 11s), "http://a/single") == 1);
}

TEST_CASE("workers are added up, the most asked for come first, and long keys are cut", "[cluster][top]") {
  TopKeys one;
  TopKeys other;
  const std::string long_key = "http://a/" + std::string(TopKeys::text_max, 'x');
  ask(one, "http://a/both", start);
  ask(one, "http://a/one", start);
  ask(other, "http://a/both", start);
  for (int i = 0; i < 3; ++i) ask(other, long_key, start);
  const TopView view = merge({one.view(start), other.view(start)}, 2);
  CHECK(view.requests == 6);
  REQUIRE(view.keys.size() == 2);
  CHECK(view.keys[0].key == long_key.substr(0, TopKeys::text_max));
  CHECK(view.keys[0].cut);
  CHECK(view.keys[1].key == "http://a/both");
  CHECK(view.keys[1].requests == 2);
  CHECK(!view.keys[1].cut);
}

}  // namespace
}  // namespace perigee::cluster
