#include "edge/cache/growing_body.h"

#include <catch2/catch_test_macros.hpp>
#include <thread>
#include <vector>

#include "tests/unit/cache_rig.h"

using namespace perigee::cache;
using namespace perigee::cache::rig;
using ReadState = Body::ReadState;

namespace {

// Pages of 4 KiB on the heap, which notes what is asked of it and has only so many blocks.
struct CountedPages final : perigee::BlockMemory {
  explicit CountedPages(size_t blocks) : left(blocks) {}
  size_t allocated_bytes(size_t bytes) const override { return (bytes + 4095) / 4096 * 4096; }
  char* take(size_t bytes, const char* behind_, size_t ahead_) override {
    if (left == 0) return nullptr;
    --left;
    taken.push_back(bytes);
    behind.push_back(behind_);
    ahead.push_back(ahead_);
    return new char[bytes];
  }
  bool release() override { return false; }
  Stats stats() const override { return {}; }
  void give_back(char* block) override {
    ++given_back;
    delete[] block;
  }
  size_t left;
  size_t given_back = 0;
  std::vector<size_t> taken, ahead;
  std::vector<const char*> behind;
};

}  // namespace

TEST_CASE("the blocks of a large body are taken in a row from pages, charged as pages, and given back",
          "[cache][body]") {
  CountedPages pages(100);
  Budget budget(1 << 30, &pages);
  {
    GrowingBody body(budget, 200'000);
    const uint64_t before = budget.used();
    body.append(pattern(5, 0, 200'000));
    REQUIRE(body.finish());
    CHECK(pages.taken == std::vector<size_t>{65536, 65536, 65536, 200'000 - 3 * 65536});
    CHECK(pages.ahead == std::vector<size_t>{3, 2, 1, 0});
    CHECK(pages.behind[0] == nullptr);
    CHECK(pages.behind[3] == body.read(2 * 65536).bytes.data());
    const uint64_t charged = budget.used() - before;
    CHECK(charged >= 3 * 65536 + 4096);
    CHECK(charged <= 3 * 65536 + 4096 + 4 * 200);
    CHECK(matches_pattern(read_all(body).bytes, 5));
  }
  CHECK(pages.given_back == 4);
  CHECK(budget.used() == 0);
}

TEST_CASE("what will be small, or is not to be kept, is not put into pages", "[cache][body]") {
  CountedPages pages(100);
  Budget budget(1 << 30, &pages);
  const size_t small = budget.small_body_max();
  GrowingBody announced(budget, small);
  announced.append(pattern(5, 0, small));
  GrowingBody passing(budget, 200'000, false);
  passing.append(pattern(5, 0, 200'000));
  GrowingBody silent(budget, std::nullopt);
  silent.append(pattern(5, 0, small));
  CHECK(pages.taken.empty());
  silent.append(pattern(5, small, 1));
  CHECK(pages.taken == std::vector<size_t>{48 * 1024});
  REQUIRE(silent.finish());
  CHECK(pages.taken == std::vector<size_t>{48 * 1024, 1});
  CHECK(pages.given_back == 1);
  CHECK(matches_pattern(read_all(silent).bytes, 5));
}

TEST_CASE("when there are no pages left a body goes on on the heap", "[cache][body]") {
  CountedPages pages(2);
  Budget budget(1 << 30, &pages);
  {
    GrowingBody body(budget, 300'000);
    body.append(pattern(5, 0, 300'000));
    REQUIRE(body.finish());
    CHECK(pages.taken.size() == 2);
    CHECK(matches_pattern(read_all(body).bytes, 5));
  }
  CHECK(pages.given_back == 2);
  CHECK(budget.used() == 0);
}

TEST_CASE("a body gives back every byte in order, whatever the sizes of its appends", "[cache][body]") {
  for (const size_t length : {1ul, 4095ul, 4096ul, 4097ul, 16384ul, 65535ul, 65536ul, 65537ul, 300'000ul}) {
    for (const size_t step : {1000ul, 4096ul, 70'000ul}) {
      for (const bool announced : {false, true}) {
        Budget budget(1 << 30);
        GrowingBody body(budget, announced ? std::optional<uint64_t>(length) : std::nullopt);
        for (size_t at = 0; at < length; at += step) {
          body.append(pattern(7, at, std::min(step, length - at)));
        }
        REQUIRE(body.finish());
        const ReadAll all = read_all(body);
        INFO(length << " in steps of " << step << (announced ? ", announced" : ""));
        CHECK(all.end == ReadState::end);
        CHECK(all.bytes.size() == length);
        CHECK(matches_pattern(all.bytes, 7));
      }
    }
  }
}

TEST_CASE("a complete body is given in pieces, if there is room for them", "[cache][body]") {
  Budget budget(1 << 30);
  for (const bool announced : {false, true}) {
    for (const size_t length : {1ul, 4096ul, 4097ul, 65536ul, 100'000ul, 200'000ul}) {
      GrowingBody body(budget, announced ? std::optional<uint64_t>(length) : std::nullopt);
      std::vector<perigee::Slice> room(8);
      body.append(pattern(3, 0, length));
      CHECK(body.pieces(room) == 0);
      REQUIRE(body.finish());
      const size_t count = body.pieces(room);
      REQUIRE(count > 0);
      std::string all;
      for (size_t i = 0; i < count; ++i) all += room[i];
      CHECK(all.size() == length);
      CHECK(matches_pattern(all, 3));
      CHECK(body.pieces({room.data(), count}) == count);
      CHECK(body.pieces({room.data(), count - 1}) == 0);
    }
  }
  GrowingBody trimmed(budget, 200'000);
  trimmed.append(pattern(3, 0, 200'000));
  trimmed.trim(70'000);
  REQUIRE(trimmed.finish());
  std::vector<perigee::Slice> room(8);
  CHECK(trimmed.pieces(room) == 0);
}

TEST_CASE("a read at any offset starts there and stays within one block", "[cache][body]") {
  Budget budget(1 << 30);
  for (const bool announced : {false, true}) {
    GrowingBody body(budget, announced ? std::optional<uint64_t>(200'000) : std::nullopt);
    body.append(pattern(1, 0, 200'000));
    for (uint64_t offset = 0; offset < 200'000; offset += 997) {
      const Body::Read read = body.read(offset);
      REQUIRE(read.state == ReadState::bytes);
      REQUIRE(!read.bytes.empty());
      REQUIRE(read.bytes.size() <= block_bytes);
      REQUIRE(matches_pattern(read.bytes, 1, offset));
    }
  }
}

TEST_CASE("the end of a growing body is a wait, of a complete one an end, of a failed one a failure",
          "[cache][body]") {
  Budget budget(1 << 30);
  GrowingBody body(budget, std::nullopt);
  CHECK(body.read(0).state == ReadState::wait);
  body.append("abc");
  CHECK(body.read(0).bytes == "abc");
  CHECK(body.read(3).state == ReadState::wait);
  SECTION("complete") {
    CHECK(body.finish());
    CHECK(body.read(3).state == ReadState::end);
    CHECK(body.complete());
    body.append("ignored");
    CHECK(body.published() == 3);
  }
  SECTION("failed") {
    body.fail();
    CHECK(body.read(0).bytes == "abc");
    CHECK(body.read(3).state == ReadState::failed);
    CHECK_FALSE(body.finish());
    CHECK(body.failed());
  }
}

TEST_CASE("a body that contradicts its announced length fails", "[cache][body]") {
  Budget budget(1 << 30);
  SECTION("short") {
    GrowingBody body(budget, 10);
    body.append("123456789");
    CHECK_FALSE(body.finish());
    CHECK(body.failed());
  }
  SECTION("long: nothing of the append that goes beyond is published") {
    GrowingBody body(budget, 10);
    body.append("123456");
    body.append("78901");
    CHECK(body.failed());
    CHECK(body.published() == 6);
  }
  SECTION("exact") {
    GrowingBody body(budget, 10);
    body.append("1234567890");
    CHECK(body.finish());
  }
  SECTION("empty") {
    GrowingBody body(budget, 0);
    CHECK(body.finish());
    CHECK(body.read(0).state == ReadState::end);
  }
}

TEST_CASE("published bytes never move while they are held", "[cache][body]") {
  Budget budget(1 << 30);
  GrowingBody body(budget, std::nullopt);
  body.append(pattern(3, 0, 20'000));
  const Body::Read early = body.read(16'384);
  const char* at = early.bytes.data();
  body.append(pattern(3, 20'000, 30'000));
  const Body::Read later = body.read(16'384);
  CHECK(later.bytes.data() == at);
  REQUIRE(body.finish());  // copies the mostly empty last block into a smaller one
  CHECK(matches_pattern(early.bytes, 3, 16'384));
  CHECK(matches_pattern(later.bytes, 3, 16'384));
}

TEST_CASE("a trimmed body is absent behind the cut and whole in front of it", "[cache][body]") {
  Budget budget(1 << 30);
  GrowingBody body(budget, 640 * 1024);
  body.append(pattern(5, 0, 400 * 1024));
  CHECK(body.whole());
  body.trim(100 * 1024);
  CHECK_FALSE(body.whole());
  CHECK(body.read(0).state == ReadState::absent);
  CHECK(body.read(block_bytes - 1).state == ReadState::absent);
  CHECK(matches_pattern(body.read(block_bytes).bytes, 5, block_bytes));
  body.trim(10'000'000);  // never beyond what has arrived
  body.append(pattern(5, 400 * 1024, 240 * 1024));
  CHECK(body.finish());
  CHECK(body.read(640 * 1024).state == ReadState::end);
  const ReadAll rest = read_all(body, 6 * block_bytes);
  CHECK(rest.bytes.size() == 640 * 1024 - 6 * block_bytes);
  CHECK(matches_pattern(rest.bytes, 5, 6 * block_bytes));
}

TEST_CASE("a block that somebody holds outlives the trim and the body, and stays charged", "[cache][body]") {
  Budget budget(1 << 30);
  Body::Read held;
  {
    GrowingBody body(budget, 3 * block_bytes);
    body.append(pattern(9, 0, 3 * block_bytes));
    held = body.read(0);
    body.trim(block_bytes);
    CHECK(body.read(0).state == ReadState::absent);
  }
  CHECK(matches_pattern(held.bytes, 9));
  CHECK(budget.used() >= block_bytes);
  CHECK(budget.used() < block_bytes + 1024);
  held = {};
  CHECK(budget.used() == 0);
}

TEST_CASE("a thousand small bodies of unknown length take a few kilobytes each", "[cache][body]") {
  Budget budget(1 << 30);
  std::vector<std::unique_ptr<GrowingBody>> bodies;
  for (int i = 0; i < 1000; ++i) {
    bodies.push_back(std::make_unique<GrowingBody>(budget, std::nullopt));
    bodies.back()->append(pattern(1, 0, 500));
  }
  CHECK(budget.used() < 5'000'000);
  for (auto& body : bodies) body->finish();
  CHECK(budget.used() < 5'000'000);
  bodies.clear();
  CHECK(budget.used() == 0);
}

TEST_CASE("a finished body wastes little of its last block", "[cache][body]") {
  for (const size_t length : {100ul, 20'000ul, 70'000ul, 1'000'000ul}) {
    Budget budget(1 << 30);
    GrowingBody body(budget, std::nullopt);
    body.append(pattern(1, 0, length));
    body.finish();
    INFO(length);
    CHECK(budget.used() <= length + 4096 + 1024 + length / block_bytes * 256);
  }
}

TEST_CASE("readers on other threads see only whole, right bytes while a body grows and is trimmed",
          "[cache][body]") {
  Budget budget(1 << 30);
  GrowingBody body(budget, std::nullopt);
  constexpr uint64_t length = 2'000'000;
  std::atomic<int> wrong{0};
  std::vector<std::thread> readers;
  for (int i = 0; i < 3; ++i) {
    readers.emplace_back([&] {
      uint64_t at = 0;
      for (;;) {
        const Body::Read read = body.read(at);
        if (read.state == ReadState::end) break;
        if (read.state == ReadState::absent) {
          at += block_bytes;  // fell behind: what follows is checked all the same
        } else if (read.state == ReadState::bytes) {
          if (!matches_pattern(read.bytes, 4, at)) ++wrong;
          at += read.bytes.size();
        } else {
          std::this_thread::yield();
        }
      }
      if (at < length) ++wrong;
    });
  }
  for (uint64_t at = 0; at < length; at += 10'000) {
    body.append(pattern(4, at, 10'000));
    if (at > 1'500'000) body.trim(at - 1'000'000);
  }
  body.finish();
  for (std::thread& reader : readers) reader.join();
  CHECK(wrong == 0);
}
