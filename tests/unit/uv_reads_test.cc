// What the libuv loop reads from accepted streams in a row, and hands out in a row.
#include "edge/net/uv_reads.h"

#include <catch2/catch_test_macros.hpp>

#include "tests/unit/held_rig.h"

using namespace perigee;
using namespace perigee::net;
using namespace std::chrono_literals;

TEST_CASE("what several streams have to read is handed out in rows of sixteen", "[net][uv]") {
  HeldRig held(20);
  held.count_reads({});
  held.all_write("hello");
  held.until([&] { return held.reads == 20; });
  CHECK(held.rows == std::vector<size_t>{16, 4});
  CHECK(held.reads_alone == 0);
  for (auto& peer : held.server.peers) CHECK(peer->received == "hello");
}

TEST_CASE("a row ends behind much that was read", "[net][uv]") {
  HeldRig held(3);
  held.count_reads({});
  const std::string much(20'000, 'm');
  held.all_write(much);
  held.until([&] { return held.reads == 3; });
  CHECK(held.rows == std::vector<size_t>{1, 1, 1});
  for (auto& peer : held.server.peers) CHECK(peer->received == much);
}

TEST_CASE("a stream that is closed by one before it in the row hears no more of what it has read",
          "[net][uv]") {
  HeldRig held(3);
  held.count_reads(
      [&](Recorder& first) { held.others(first, [](Recorder& peer) { peer.stream->close(); }); });
  held.all_write("hello");
  held.until([&] {
    size_t closed = 0;
    for (auto& peer : held.server.peers) closed += peer->is_closed();
    return closed == 2;
  });
  CHECK(held.reads == 1);
  for (auto& peer : held.server.peers) {
    CHECK(peer->events == std::vector<std::string>{peer->is_closed() ? "closed" : "read"});
  }
}

TEST_CASE("a stream that another stops from reading keeps what it has read, and its place in the order",
          "[net][uv]") {
  HeldRig held(3);
  held.count_reads(
      [&](Recorder& first) { held.others(first, [](Recorder& peer) { peer.stream->read_stop(); }); });
  held.all_write("one ");
  held.until([&] { return held.reads == 1; });
  // More comes, and an end, while the first bytes are kept.
  held.all_write_and_end("two");
  held.until([&] { return held.reads == 2; });
  run_on(held.serving, [&] {
    for (auto& peer : held.server.peers) {
      CHECK((peer->received.empty() || peer->received == "one two"));
      peer->stream->read_start();
      // Not from inside this call.
      CHECK((peer->received.empty() || peer->received == "one two"));
    }
  });
  held.until([&] {
    size_t ended = 0;
    for (auto& peer : held.server.peers) ended += peer->has("end");
    return ended == 3;
  });
  for (auto& peer : held.server.peers) {
    CHECK(peer->received == "one two");
    CHECK(peer->events.back() == "end");
  }
}

TEST_CASE("what is kept for a stream that is closed goes with it", "[net][uv]") {
  HeldRig held(2);
  held.count_reads(
      [&](Recorder& first) { held.others(first, [](Recorder& peer) { peer.stream->read_stop(); }); });
  held.all_write("hello");
  held.until([&] { return held.reads == 1; });
  run_on(held.serving, [&] {
    for (auto& peer : held.server.peers) {
      peer->stream->read_start();
      peer->stream->close();
    }
  });
  held.until([&] { return held.server.peers[0]->is_closed() && held.server.peers[1]->is_closed(); });
  CHECK(held.reads == 1);
}

TEST_CASE("an end behind what was read comes behind it, whoever else has something to read", "[net][uv]") {
  HeldRig held(4);
  held.count_reads({});
  held.all_write_and_end("last");
  held.until([&] {
    size_t ended = 0;
    for (auto& peer : held.server.peers) ended += peer->has("end");
    return ended == 4;
  });
  for (auto& peer : held.server.peers) CHECK(peer->events == std::vector<std::string>{"read", "end"});
}
