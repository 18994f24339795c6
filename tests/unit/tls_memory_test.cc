#include "edge/net/tls_memory.h"

#include <array>
#include <catch2/catch_test_macros.hpp>
#include <cstring>
#include <thread>
#include <vector>

namespace perigee::net {
namespace {

constexpr size_t record = 16 * 1024 + 320;

// Each of so many buffers written to the end, so that one that is too small is seen.
std::vector<void*> take(size_t count, size_t bytes) {
  std::vector<void*> taken;
  for (size_t i = 0; i < count; ++i) {
    taken.push_back(take_tls_memory(bytes));
    std::memset(taken.back(), 1, bytes);
  }
  return taken;
}

// How many.
size_t give(const std::vector<void*>& taken) {
  for (void* memory : taken) give_tls_memory(memory);
  return taken.size();
}

TEST_CASE("a record buffer that was given back is taken again, as large as the largest record") {
  give(take(1, record));
  void* first = take_tls_memory(record);
  give_tls_memory(first);
  CHECK(take(1, 20 * 1024) == std::vector{first});
  give_tls_memory(first);
}

TEST_CASE("a thread keeps a few record buffers, and gives them back at its end") {
  size_t given = 0;
  std::thread([&given] {
    // More than are kept, given back twice: what is lost or freed twice is the sanitizer's to find.
    for (int i = 0; i < 2; ++i) given += give(take(2 * tls_buffers_kept_max, record));
  }).join();
  CHECK(given == 4 * tls_buffers_kept_max);
}

TEST_CASE("what one thread has taken another may give back") {
  const std::vector<void*> taken = take(tls_buffers_kept_max, record);
  size_t given = 0;
  std::thread([&taken, &given] { given = give(taken); }).join();
  CHECK(given == tls_buffers_kept_max);
}

TEST_CASE("memory for TLS grows with its content, and nothing is had for nothing") {
  CHECK(take_tls_memory(0) == nullptr);
  CHECK(change_tls_memory(nullptr, 0) == nullptr);
  char* text = static_cast<char*>(change_tls_memory(nullptr, 100));
  std::memset(text, 'a', 100);
  text = static_cast<char*>(change_tls_memory(text, record));
  CHECK(text[99] == 'a');
  text = static_cast<char*>(change_tls_memory(text, 3 * record));
  CHECK(text[99] == 'a');
  CHECK(change_tls_memory(text, 0) == nullptr);
  give_tls_memory(nullptr);
}

}  // namespace
}  // namespace perigee::net
