#include "edge/serve/h2_memory.h"

#include <sys/mman.h>

#include <array>
#include <catch2/catch_test_macros.hpp>
#include <cstring>
#include <set>

namespace perigee::serve {
namespace {

constexpr size_t frame = 16'394;

size_t resident_pages(const char* arena) {
  std::array<unsigned char, H2Arenas::arena_bytes / 4096> pages{};
  REQUIRE(mincore(const_cast<char*>(arena), H2Arenas::arena_bytes, pages.data()) == 0);
  size_t count = 0;
  for (const unsigned char page : pages) count += page & 1U;
  return count;
}

TEST_CASE("a session of nghttp2 that has said its settings keeps two pages of its arena") {
  H2Arenas arenas;
  FreeLists lists(true);
  char* const arena = arenas.take();
  arenas.give(arena);
  REQUIRE(resident_pages(arena) == 0);
  REQUIRE(arenas.take() == arena);
  constexpr size_t object = 640;
  std::memset(arena, 1, object);
  H2Memory memory(arena, object, lists);
  nghttp2_session_callbacks* callbacks = nullptr;
  nghttp2_session_callbacks_new(&callbacks);
  nghttp2_session* session = nullptr;
  REQUIRE(nghttp2_session_server_new3(&session, callbacks, nullptr, nullptr, memory.hooks()) == 0);
  const nghttp2_settings_entry settings{NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, 100};
  nghttp2_submit_settings(session, NGHTTP2_FLAG_NONE, &settings, 1);
  const uint8_t* bytes = nullptr;
  CHECK(nghttp2_session_mem_send(session, &bytes) == 15);
  CHECK(reinterpret_cast<const char*>(bytes) >= arena);
  CHECK(reinterpret_cast<const char*>(bytes) < arena + H2Arenas::arena_bytes);
  CHECK(resident_pages(arena) == 2);
  nghttp2_session_del(session);
  nghttp2_session_callbacks_del(callbacks);
}

TEST_CASE("what does not fit the arena of a session comes from elsewhere") {
  H2Arenas arenas;
  FreeLists lists(true);
  H2Memory memory(arenas.take(), 600, lists);
  std::set<void*> taken;
  for (const size_t bytes : {frame, frame, size_t{100}, size_t{4000}, size_t{4000}, size_t{100'000}}) {
    void* part = memory.take(bytes);
    std::memset(part, 1, bytes);
    CHECK(taken.insert(part).second);
  }
  for (void* part : taken) memory.give(part);
  REQUIRE(lists.kept_bytes() == 104);
  // The buffer can be had again once it was given back.
  void* first = memory.take(frame);
  memory.give(first);
  CHECK(memory.take(frame) == first);
}

TEST_CASE("memory of a session grows with its content") {
  H2Arenas arenas;
  FreeLists lists(true);
  H2Memory memory(arenas.take(), 600, lists);
  for (const size_t bytes : {size_t{100}, size_t{4000}, frame}) {
    char* text = static_cast<char*>(memory.change(nullptr, bytes));
    std::memset(text, 'a', bytes);
    text = static_cast<char*>(memory.change(text, 3 * frame));
    CHECK(text[bytes - 1] == 'a');
    CHECK(memory.change(text, 0) == nullptr);
  }
}

TEST_CASE("arenas are used again, and pages of many that are free go back") {
  H2Arenas arenas;
  std::set<char*> taken;
  while (taken.size() < 200) {
    char* arena = arenas.take();
    REQUIRE(taken.insert(arena).second);
    std::memset(arena, 1, H2Arenas::arena_bytes);
  }
  size_t pages = 0;
  for (char* arena : taken) arenas.give(arena);
  for (char* arena : taken) pages += resident_pages(arena);
  CHECK(pages <= 64 * H2Arenas::arena_bytes / 4096);
  for (size_t i = 0; i < 200; ++i) CHECK(taken.count(arenas.take()) == 1);
}

}  // namespace
}  // namespace perigee::serve
