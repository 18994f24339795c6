// Vocabulary of the tests of fills: a source that counts what it is told, a client, a table with two workers.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "edge/cache/fill.h"
#include "tests/unit/cache_rig.h"

namespace perigee::cache::rig {

inline constexpr uint64_t kib = 1024;
inline constexpr uint64_t mib = 1024 * 1024;

class TestSource final : public FillSource {
 public:
  void pause() override { ++pauses; }
  void resume() override { ++resumes; }
  void cancel() override { ++cancels; }
  int pauses = 0;
  int resumes = 0;
  int cancels = 0;
};

// A client that takes what it is told of. Reads all there is on each call, unless it is slow.
class TestFollower final : public Follower {
 public:
  ~TestFollower() override { leave(); }
  void on_fill_progress() override {
    ++calls;
    if (on_call) return on_call();
    if (!slow) take_all();
  }
  void take_all() {
    while (take_some() == Body::ReadState::bytes) {
    }
  }
  Body::ReadState take_some() {
    const Body::Read read = fill->read(bytes.size());
    last = read.state;
    if (last == Body::ReadState::bytes) bytes.append(read.bytes);
    return last;
  }
  void leave() {
    if (fill) std::exchange(fill, nullptr)->leave(*this);
  }

  std::shared_ptr<Fill> fill;
  std::string bytes;
  Body::ReadState last = Body::ReadState::wait;
  int calls = 0;
  bool slow = false;
  std::function<void()> on_call;
};

inline FillHead head_of(std::optional<uint64_t> length, bool storable = true) {
  FillHead head;
  head.status = 200;
  head.lines = "HTTP/1.1 200 OK\r\n";
  head.storable = storable;
  head.content_length = length;
  head.meta.response_time_ms = 5000;
  return head;
}

// A store, a table and two workers.
struct Rig {
  explicit Rig(uint64_t budget = 64 * mib, FillLimits limits = {})
      : store(StoreOptions{budget}), table(store, limits) {}

  // Joins, and says whether it leads.
  bool join(TestFollower& follower, TestWorker& worker, std::string_view key = "k") {
    FillTable::Joined joined = table.join(key_of(key), worker.fills, follower);
    follower.fill = std::move(joined.fill);
    return joined.leader;
  }
  void turn() {
    while (home.turn() + other.turn() != 0) {
    }
  }

  Store store;
  FillTable table;
  TestWorker home;
  TestWorker other;
};

}  // namespace perigee::cache::rig
