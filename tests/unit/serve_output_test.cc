#include "edge/serve/output.h"

#include <catch2/catch_test_macros.hpp>
#include <string>
#include <vector>

using namespace perigee;
using namespace perigee::serve;

namespace {

// Takes so many bytes in all, then nothing.
struct Sink : net::Stream {
  explicit Sink(size_t bytes) : room(bytes) {}
  void set_handler(net::StreamHandler&) override {}
  void read_start() override {}
  void read_stop() override {}
  size_t write(std::span<const Slice> slices) override {
    ++writes;
    size_t taken = 0;
    for (Slice slice : slices) {
      slice = slice.substr(0, room);
      room -= slice.size();
      taken += slice.size();
      got.append(slice);
    }
    return taken;
  }
  void shutdown_write() override {}
  void close() override {}
  void reset() override {}
  net::Address local_address() const override { return {}; }
  net::Address remote_address() const override { return {}; }

  size_t room;
  int writes = 0;
  std::string got;
};

struct Pins {
  std::vector<int> acquired = std::vector<int>(3);
  std::vector<int> released = std::vector<int>(3);
  int objects[3] = {0, 1, 2};
  static void acquire(void* owner, const void* object) {
    ++static_cast<Pins*>(owner)->acquired[*static_cast<const int*>(object)];
  }
  static void release(void* owner, const void* object) {
    ++static_cast<Pins*>(owner)->released[*static_cast<const int*>(object)];
  }
  Hold hold(int i) { return {acquire, release, this, &objects[i]}; }
};

void add_reply(OutputBatch& batch, const Hold& hold, std::string_view head, std::string_view text,
               std::string_view body) {
  const uint32_t held = batch.add_hold(hold);
  batch.add_held(head, held);
  batch.copy_text(text);
  batch.add_held(body, held);
  batch.count_reply();
}

}  // namespace

TEST_CASE("what one write takes leaves nothing behind and holds nothing", "[serve]") {
  Pins pins;
  OutputBatch batch;
  OutputQueue queue;
  Sink sink(1000);
  add_reply(batch, pins.hold(0), "head0 ", "text0 ", "body0 ");
  add_reply(batch, pins.hold(1), "head1 ", "text1 ", "body1 ");
  CHECK(batch.replies() == 2);
  const auto written = batch.write_to(sink, queue);
  CHECK(written.all);
  CHECK(sink.got == "head0 text0 body0 head1 text1 body1 ");
  CHECK(sink.writes == 1);
  CHECK(queue.empty());
  CHECK(batch.empty());
  CHECK(batch.replies() == 0);
  CHECK(pins.acquired == std::vector{0, 0, 0});
}

TEST_CASE("wherever a write stops, the rest is kept, held once, and released once when it is out",
          "[serve]") {
  const std::string all = "head0 text0 body0 head1 text1 body1 text2 ";
  for (size_t room = 0; room <= all.size(); ++room) {
    Pins pins;
    OutputBatch batch;
    OutputQueue queue;
    Sink sink(room);
    std::string text2 = "text2 ";
    add_reply(batch, pins.hold(0), "head0 ", "text0 ", "body0 ");
    add_reply(batch, pins.hold(1), "head1 ", "text1 ", "body1 ");
    add_reply(batch, pins.hold(2), "", text2, "");
    text2 = "gone!!";
    INFO("stopped after " << room);
    CHECK(batch.write_to(sink, queue).bytes == room);
    CHECK(pins.acquired == std::vector{room < 18 ? 1 : 0, room < 36 ? 1 : 0, 0});
    batch.copy_text("overwrites the scratch memory, text of another connection");
    batch.drop();
    while (!queue.empty()) {
      sink.room = 1;
      CHECK(queue.write_to(sink) == 1);
    }
    CHECK(sink.got == all);
    CHECK(pins.released == pins.acquired);
  }
}

TEST_CASE("texts in a row are one slice, and what is held or pulled ends the row", "[serve]") {
  struct Counting final : Sink {
    using Sink::Sink;
    size_t write(std::span<const Slice> slices) override {
      count = slices.size();
      return Sink::write(slices);
    }
    size_t count = 0;
  };
  Pins pins;
  OutputBatch batch;
  OutputQueue queue;
  Counting sink(1000);
  batch.copy_text("a");
  batch.copy_text("b");
  CHECK(batch.write_to(sink, queue).all);
  CHECK(sink.count == 1);
  batch.copy_text("c");
  add_reply(batch, pins.hold(0), "d", "e", "f");
  batch.copy_text("g");
  batch.add_body("h");
  batch.copy_text("i");
  batch.copy_text("j");
  CHECK(batch.write_to(sink, queue).all);
  CHECK(sink.count == 7);
  CHECK(sink.got == "abcdefghij");
}

TEST_CASE("short answers are copied while there is room, so that texts always find some", "[serve]") {
  OutputBatch batch;
  CHECK(batch.prefers_copy(4096));
  CHECK_FALSE(batch.prefers_copy(4097));
  size_t copied = 0;
  for (; batch.prefers_copy(1400); ++copied) batch.copy_text(std::string(1400, 'a'));
  CHECK(copied >= 32);
  CHECK(batch.claim(64 * 250) != nullptr);
  batch.drop();
  CHECK(batch.prefers_copy(4096));
}

TEST_CASE("a queue that is dropped releases what it held", "[serve]") {
  Pins pins;
  {
    OutputBatch batch;
    OutputQueue queue;
    Sink sink(3);
    add_reply(batch, pins.hold(0), "head0 ", "text0 ", "body0 ");
    batch.write_to(sink, queue);
    CHECK_FALSE(queue.empty());
  }
  CHECK(pins.acquired == std::vector{1, 0, 0});
  CHECK(pins.released == pins.acquired);
}

TEST_CASE("body bytes are counted and never kept, nor is what follows them", "[serve]") {
  const std::string all = "head 4\r\nbody\r\n";
  for (size_t room = 0; room <= all.size(); ++room) {
    OutputBatch batch;
    OutputQueue queue;
    Sink sink(room);
    batch.copy_text("head ");
    batch.copy_text("4\r\n");
    batch.add_body("bo");
    batch.add_body("dy");
    batch.copy_text("\r\n");
    const auto written = batch.write_to(sink, queue);
    INFO("stopped after " << room);
    CHECK(written.body_bytes == (room <= 8 ? 0 : room < 12 ? room - 8 : 4));
    CHECK(written.all == (room == all.size()));
    sink.room = 100;
    queue.write_to(sink);
    // Before the body ends: the head is completed, the body stays with its source. After: the line end too.
    CHECK(sink.got == all.substr(0, room < 8 ? 8 : room < 12 ? room : all.size()));
  }
}

TEST_CASE("texts that the scratch memory has no room for are sent all the same", "[serve]") {
  OutputBatch batch;
  OutputQueue queue;
  Sink sink(10'000'000);
  std::string all;
  for (int i = 0; i < 2000; ++i) {
    const std::string text(static_cast<size_t>(i % 100), static_cast<char>('a' + i % 26));
    batch.copy_text(text);
    all += text;
  }
  batch.copy_text(std::string(100'000, 'z'));
  all += std::string(100'000, 'z');
  CHECK(batch.write_to(sink, queue).all);
  CHECK((sink.got == all));
}
