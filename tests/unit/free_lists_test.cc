#include "edge/serve/free_lists.h"

#include <catch2/catch_test_macros.hpp>
#include <cstring>
#include <limits>
#include <string_view>
#include <utility>
#include <vector>

namespace perigee::serve {
namespace {

TEST_CASE("a block that was given back is taken again by who needs as much") {
  FreeLists lists(true);
  void* const first = lists.take(250);
  void* const second = lists.take(264);
  void* const other = lists.take(300);
  REQUIRE(lists.kept_bytes() == 0);
  lists.give(first);
  lists.give(second);
  lists.give(other);
  REQUIRE(lists.kept_bytes() == 264 + 264 + 312);
  CHECK(lists.take(249) == second);
  CHECK(lists.take(264) == first);
  CHECK(lists.take(297) == other);
  REQUIRE(lists.kept_bytes() == 0);
  for (void* block : {first, second, other}) lists.give(block);
}

TEST_CASE("every byte of a block can be written, and no two share one") {
  FreeLists lists(true);
  std::vector<std::pair<char*, size_t>> taken;
  for (int round = 0; round < 3; ++round) {
    for (size_t bytes = 0; bytes < 1200; bytes += 7) {
      char* block = static_cast<char*>(lists.take(bytes));
      REQUIRE(reinterpret_cast<uintptr_t>(block) % alignof(std::max_align_t) == 0);
      std::memset(block, static_cast<int>(bytes % 251), bytes);
      taken.emplace_back(block, bytes);
    }
    for (const auto& [block, bytes] : taken) {
      for (size_t i = 0; i < bytes; ++i) REQUIRE(block[i] == static_cast<char>(bytes % 251));
      lists.give(block);
    }
    taken.clear();
  }
}

TEST_CASE("no more is kept than was said, and nothing that is large") {
  FreeLists lists(true);
  lists.give(lists.take(1033));
  REQUIRE(lists.kept_bytes() == 0);
  for (const size_t bytes : {504, 1032}) {
    std::vector<void*> taken;
    for (size_t i = 0; i < 2 * FreeLists::kept_bytes_max / bytes; ++i) taken.push_back(lists.take(bytes));
    for (void* block : taken) lists.give(block);
  }
  REQUIRE(lists.kept_bytes() ==
          FreeLists::kept_bytes_max / 504 * 504 + FreeLists::kept_bytes_max / 1032 * 1032);
  REQUIRE(lists.take(std::numeric_limits<size_t>::max() - 8) == nullptr);
}

TEST_CASE("who was told to keep nothing keeps nothing") {
  FreeLists lists(false);
  lists.give(lists.take(100));
  REQUIRE(lists.kept_bytes() == 0);
}

TEST_CASE("what is made larger keeps its content, what is made smaller its place") {
  FreeLists lists(true);
  char* text = static_cast<char*>(lists.change(nullptr, 5));
  std::memcpy(text, "hello", 5);
  CHECK(lists.change(text, 24) == text);
  text = static_cast<char*>(lists.change(text, 5000));
  CHECK(std::string_view(text, 5) == "hello");
  CHECK(lists.kept_bytes() == 24);
  CHECK(lists.change(text, 10) == text);
  CHECK(lists.change(text, 0) == nullptr);
  lists.give(nullptr);
  CHECK(lists.kept_bytes() == 24);
}

}  // namespace
}  // namespace perigee::serve
