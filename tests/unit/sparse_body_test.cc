#include "edge/cache/sparse_body.h"

#include <catch2/catch_test_macros.hpp>
#include <vector>

#include "tests/unit/cache_rig.h"

namespace perigee::test {
namespace {

using namespace cache;

constexpr uint64_t length = 5000;

char byte_at(uint64_t offset) { return static_cast<char>(offset * 31 + offset / 251); }

std::shared_ptr<const Body> run_bytes(Budget& budget, const ByteRun& run) {
  auto body = std::make_shared<GrowingBody>(budget, run.length());
  std::string bytes;
  for (uint64_t at = run.first; at <= run.last; ++at) bytes.push_back(byte_at(at));
  body->append(bytes);
  body->finish();
  return body;
}

TEST_CASE("runs of one validator combine to what they cover together", "[unit][sparse]") {
  for (uint64_t seed = 1; seed <= 50; ++seed) {
    INFO("seed " << seed);
    Budget budget(1 << 30);
    {
      Random random(seed);
      std::vector<bool> here(length, false);
      std::shared_ptr<const SparseBody> sparse;
      for (int i = 0; i < 40; ++i) {
        ByteRun run;
        run.first = random.below(length);
        run.last = std::min<uint64_t>(length - 1, run.first + random.below(400));
        const RunOf where{run.first, length, "\"v\""};
        auto next = SparseBody::combine(budget, sparse.get(), where, run_bytes(budget, run));
        bool news = false;
        for (uint64_t at = run.first; at <= run.last; ++at) {
          news = news || !here[at];
          here[at] = true;
        }
        if (next != nullptr) sparse = next;
        if (news) REQUIRE(next != nullptr);
      }
      uint64_t resident = 0;
      for (uint64_t at = 0; at < length; ++at) {
        const Body::Read read = sparse->read(at);
        REQUIRE((read.state == Body::ReadState::bytes) == here[at]);
        if (!here[at]) continue;
        ++resident;
        for (size_t i = 0; i < read.bytes.size(); ++i) REQUIRE(read.bytes[i] == byte_at(at + i));
      }
      REQUIRE(sparse->resident() == resident);
      REQUIRE(sparse->read(length).state == Body::ReadState::end);
      for (int i = 0; i < 200; ++i) {
        const uint64_t first = random.below(length);
        const ByteRun wanted{first, first + random.below(length - first)};
        uint64_t from = wanted.first;
        while (from <= wanted.last && here[from]) ++from;
        uint64_t to = from;
        while (to <= wanted.last && !here[to]) ++to;
        const auto gap = sparse->missing(wanted);
        REQUIRE(gap.has_value() == (from <= wanted.last));
        if (gap) REQUIRE(*gap == ByteRun{from, to - 1});
      }
    }
    REQUIRE(budget.used() == 0);
  }
}

TEST_CASE("another validator, another length, or none: nothing is taken over", "[unit][sparse]") {
  Budget budget(1 << 30);
  const auto first = SparseBody::combine(budget, nullptr, {0, length, "\"v\""}, run_bytes(budget, {0, 99}));
  for (const RunOf& run :
       {RunOf{200, length, "\"w\""}, RunOf{200, length + 1, "\"v\""}, RunOf{200, length, ""}}) {
    const auto next = SparseBody::combine(budget, first.get(), run, run_bytes(budget, {200, 299}));
    REQUIRE(next->resident() == 100);
    REQUIRE(next->read(0).state == Body::ReadState::absent);
  }
}

TEST_CASE("a run beyond the end, an empty one, and one too many are not added", "[unit][sparse]") {
  Budget budget(1 << 30);
  REQUIRE(SparseBody::combine(budget, nullptr, {4990, length, "\"v\""}, run_bytes(budget, {0, 99})) ==
          nullptr);
  auto empty = std::make_shared<GrowingBody>(budget, 0);
  empty->finish();
  REQUIRE(SparseBody::combine(budget, nullptr, {0, length, "\"v\""}, empty) == nullptr);
  std::shared_ptr<const SparseBody> sparse;
  uint64_t runs = 0;
  for (uint64_t at = 0; at + 1 < length; at += 2) {
    auto next = SparseBody::combine(budget, sparse.get(), {at, length, "\"v\""}, run_bytes(budget, {at, at}));
    if (next == nullptr) break;
    sparse = next;
    ++runs;
  }
  REQUIRE(runs == SparseBody::runs_max);
}

TEST_CASE("the store keeps runs, completes them, and prefers what is whole", "[unit][sparse][store]") {
  Store store(StoreOptions{});
  Reader& reader = store.add_reader();
  const std::string text = "http://a/x";
  const KeyView key{text, key_hash(text)};
  Draft draft;
  draft.key = key;
  draft.head = "HTTP/1.1 200 OK\r\n";
  draft.meta.status = 200;
  Budget& budget = store.budget();
  REQUIRE(store.add_run(draft, {100, length, "\"v\""}, run_bytes(budget, {100, 199}), false));
  auto found = reader.lookup(key, {});
  REQUIRE(found.response->meta().is(ResponseMeta::partial));
  REQUIRE(found.response->body_length() == length);
  reader.turn_end();
  REQUIRE(store.add_run(draft, {0, length, "\"v\""}, run_bytes(budget, {0, 99}), false));
  REQUIRE(store.add_run(draft, {200, length, "\"v\""}, run_bytes(budget, {200, length - 1}), false));
  found = reader.lookup(key, {});
  REQUIRE_FALSE(found.response->meta().is(ResponseMeta::partial));
  REQUIRE(found.response->has_small_body());
  for (uint64_t at = 0; at < length; ++at) REQUIRE(found.response->small_body()[at] == byte_at(at));
  reader.turn_end();
  REQUIRE_FALSE(store.add_run(draft, {0, length, "\"w\""}, run_bytes(budget, {0, 99}), false));
  REQUIRE(store.add_run(draft, {0, length, "\"w\""}, run_bytes(budget, {0, 99}), true));
  REQUIRE(reader.lookup(key, {}).response->meta().is(ResponseMeta::partial));
  reader.turn_end();
}

}  // namespace
}  // namespace perigee::test
