#include "edge/serve/h2_memory.h"

#include <sys/mman.h>

#include <algorithm>
#include <array>
#include <catch2/catch_test_macros.hpp>
#include <cstring>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "edge/serve/h2_connection.h"

namespace perigee::serve {
namespace {

constexpr size_t frame = 16'394;
constexpr size_t table = 1024;

size_t resident_pages(const char* arena) {
  std::array<unsigned char, H2Arenas::arena_bytes / 4096> pages{};
  REQUIRE(mincore(const_cast<char*>(arena), H2Arenas::arena_bytes, pages.data()) == 0);
  size_t count = 0;
  for (const unsigned char page : pages) count += page & 1U;
  return count;
}

using Session = std::unique_ptr<nghttp2_session,
                                decltype([](nghttp2_session* session) { nghttp2_session_del(session); })>;
using Callbacks =
    std::unique_ptr<nghttp2_session_callbacks,
                    decltype([](nghttp2_session_callbacks* all) { nghttp2_session_callbacks_del(all); })>;
using Lines = std::vector<std::pair<std::string, std::string>>;

std::vector<nghttp2_nv> values_of(Lines& lines) {
  std::vector<nghttp2_nv> values;
  for (auto& [name, value] : lines) {
    values.push_back({reinterpret_cast<uint8_t*>(name.data()), reinterpret_cast<uint8_t*>(value.data()),
                      name.size(), value.size(), NGHTTP2_NV_FLAG_NONE});
  }
  return values;
}

// What one has to say, until neither has. The length of the longest frames that were made at once.
size_t talk(nghttp2_session* one, nghttp2_session* other) {
  size_t longest = 0;
  for (bool more = true; more;) {
    more = false;
    for (const auto& [from, to] : {std::pair(one, other), std::pair(other, one)}) {
      const uint8_t* bytes = nullptr;
      while (const ssize_t size = nghttp2_session_mem_send(from, &bytes)) {
        REQUIRE(nghttp2_session_mem_recv(to, bytes, static_cast<size_t>(size)) == size);
        longest = std::max(longest, static_cast<size_t>(size));
        more = true;
      }
    }
  }
  return longest;
}

TEST_CASE("a session of nghttp2 that has answered as sites do keeps two pages of its arena") {
  H2Arenas arenas;
  FreeLists lists(true);
  char* const arena = arenas.take();
  arenas.give(arena);
  REQUIRE(resident_pages(arena) == 0);
  REQUIRE(arenas.take() == arena);
  std::memset(arena + H2Arenas::object_at, 1, sizeof(H2Connection));
  H2Memory memory(arena, sizeof(H2Connection), lists);
  nghttp2_session_callbacks* made = nullptr;
  nghttp2_session_callbacks_new(&made);
  const Callbacks callbacks(made);
  nghttp2_session_callbacks_set_on_begin_headers_callback(
      made, [](nghttp2_session*, const nghttp2_frame*, void*) { return 0; });
  nghttp2_session* server = nullptr;
  REQUIRE(nghttp2_session_server_new3(&server, made, nullptr, nullptr, memory.hooks()) == 0);
  const Session ours(server);
  nghttp2_session* client = nullptr;
  REQUIRE(nghttp2_session_client_new(&client, made, nullptr) == 0);
  const Session theirs(client);

  nghttp2_submit_settings(client, NGHTTP2_FLAG_NONE, nullptr, 0);
  const nghttp2_settings_entry settings{NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, 100};
  nghttp2_submit_settings(server, NGHTTP2_FLAG_NONE, &settings, 1);
  const uint8_t* bytes = nullptr;
  REQUIRE(nghttp2_session_mem_send(server, &bytes) == 15);
  CHECK(reinterpret_cast<const char*>(bytes) >= arena);
  CHECK(reinterpret_cast<const char*>(bytes) < arena + H2Arenas::arena_bytes);
  REQUIRE(nghttp2_session_mem_recv(client, bytes, 15) == 15);
  talk(client, server);

  Lines request{{":method", "GET"}, {":scheme", "https"}, {":authority", "a.example"}, {":path", "/"}};
  Lines answer{{":status", "200"}};
  for (int i = 0; i < 24; ++i) {
    request.emplace_back("x-request-" + std::to_string(i), "some value");
    answer.emplace_back("x-answer-" + std::to_string(i), "a");
  }
  request.resize(4 + 22);
  const auto asked = values_of(request);
  const int32_t id = nghttp2_submit_request(client, nullptr, asked.data(), asked.size(), nullptr, nullptr);
  talk(client, server);
  const auto answered = values_of(answer);
  REQUIRE(nghttp2_submit_response(server, id, answered.data(), answered.size(), nullptr) == 0);
  const size_t longest = talk(server, client);
  CHECK(longest > 200);
  CHECK(nghttp2_session_get_hd_deflate_dynamic_table_size(server) > 24 * 32);
  CHECK(nghttp2_session_get_hd_inflate_dynamic_table_size(server) > 24 * 32);
  CHECK(resident_pages(arena) == 2);
}

TEST_CASE("what does not fit the arena of a session comes from elsewhere") {
  H2Arenas arenas;
  FreeLists lists(true);
  constexpr size_t object_bytes = 600;
  char* const arena = arenas.take();
  H2Memory memory(arena, object_bytes, lists);
  const std::string object(object_bytes, 'o');
  std::memcpy(arena + H2Arenas::object_at, object.data(), object_bytes);
  std::set<void*> taken;
  for (const size_t bytes :
       {frame, frame, table, table, size_t{100}, size_t{4000}, size_t{4000}, size_t{100'000}}) {
    void* part = memory.take(bytes);
    std::memset(part, 1, bytes);
    CHECK(taken.insert(part).second);
  }
  CHECK(std::string_view(arena + H2Arenas::object_at, object_bytes) == object);
  for (void* part : taken) memory.give(part);
  // Of those from elsewhere the lists keep the small ones, as large as malloc made them.
  REQUIRE(lists.kept_bytes() == 104 + 1032);
  // The buffer can be had again once it was given back.
  void* first = memory.take(frame);
  memory.give(first);
  CHECK(memory.take(frame) == first);
}

TEST_CASE("memory of a session grows with its content") {
  H2Arenas arenas;
  FreeLists lists(true);
  H2Memory memory(arenas.take(), 600, lists);
  for (const size_t bytes : {size_t{100}, table, size_t{4000}, frame}) {
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
