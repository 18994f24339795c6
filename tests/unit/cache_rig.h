// Vocabulary of the tests of the cache: keys, drafts, bodies that prove themselves, a worker without a loop.
#pragma once

#include <atomic>
#include <cstdint>
#include <cstring>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "edge/base/hash.h"
#include "edge/base/random.h"
#include "edge/base/waker.h"
#include "edge/cache/fill.h"
#include "edge/cache/store.h"

namespace perigee::cache::rig {

inline StoreOptions megabytes(uint64_t count, unsigned shards = 16) {
  StoreOptions options;
  options.budget_bytes = count << 20;
  options.shards = shards;
  return options;
}

inline KeyView key_of(std::string_view bytes) { return {bytes, hash64(bytes)}; }

// Every byte is a function of seed and offset; a byte out of place or of another body shows. Cut from one
// random tile whose length fits no block or buffer, so that making and comparing it is a copy.
inline const std::string& pattern_tile() {
  static const std::string tile = [] {
    std::string bytes(99'991, '\0');
    Random random(7);
    for (char& byte : bytes) byte = static_cast<char>(random.next() & 0xff);
    return bytes;
  }();
  return tile;
}

inline std::string pattern(uint64_t seed, uint64_t begin, size_t length) {
  const std::string& tile = pattern_tile();
  std::string bytes;
  bytes.reserve(length);
  while (bytes.size() < length) {
    const size_t at = static_cast<size_t>((seed * 7919 + begin + bytes.size()) % tile.size());
    bytes.append(tile, at, length - bytes.size());
  }
  return bytes;
}

inline bool matches_pattern(std::string_view bytes, uint64_t seed, uint64_t begin = 0) {
  return bytes == pattern(seed, begin, bytes.size());
}

// Everything a body gives from an offset on, and the state it ends with.
struct ReadAll {
  std::string bytes;
  Body::ReadState end = Body::ReadState::wait;
};
template <typename Readable>
ReadAll read_all(Readable& body, uint64_t offset = 0) {
  ReadAll all;
  for (;;) {
    const Body::Read read = body.read(offset + all.bytes.size());
    if (read.state != Body::ReadState::bytes) {
      all.end = read.state;
      return all;
    }
    all.bytes.append(read.bytes);
  }
}

inline std::shared_ptr<GrowingBody> complete_body(Budget& budget, uint64_t seed, size_t length) {
  auto body = std::make_shared<GrowingBody>(budget, length);
  body->append(pattern(seed, 0, length));
  body->finish();
  return body;
}

inline Draft draft_of(std::string_view key, std::string_view head = "HTTP/1.1 200 OK\r\n") {
  Draft draft;
  draft.key = key_of(key);
  draft.head = head;
  draft.meta.status = 200;
  return draft;
}

inline bool put_small(Store& store, std::string_view key, std::string_view body,
                      std::string_view head = "HTTP/1.1 200 OK\r\n") {
  return store.begin(draft_of(key, head), body).commit();
}

// One look-up in a turn of its own: the body it found, or nothing.
inline std::optional<std::string> look(Reader& reader, std::string_view key) {
  const Lookup lookup = reader.lookup(key_of(key), {});
  std::optional<std::string> found;
  if (lookup.state == Lookup::State::hit) {
    found = lookup.response->has_small_body() ? std::string(lookup.response->small_body())
                                              : read_all(*lookup.response->large_body()).bytes;
  }
  reader.turn_end();
  return found;
}

inline bool has(Reader& reader, std::string_view key) { return look(reader, key).has_value(); }

// Stands for a worker's loop: counts wakes; turn() does what the loop would.
class TestWorker final : public Waker {
 public:
  TestWorker() : fills(*this) {}
  void wake() override { wakes_.fetch_add(1); }
  int wakes() const { return wakes_.load(); }
  // Runs until nothing is left to do; returns how often there was something.
  int turn() {
    int turns = 0;
    while (wakes_.exchange(0) != 0) {
      fills.run();
      ++turns;
    }
    return turns;
  }

  WorkerFills fills;

 private:
  std::atomic<int> wakes_{0};
};

}  // namespace perigee::cache::rig
