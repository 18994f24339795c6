// What the libuv loop reads from accepted streams in a row, and hands out in a row.
#include "edge/net/uv_reads.h"

#include <catch2/catch_test_macros.hpp>

#include "tests/unit/io_rig.h"

using namespace perigee;
using namespace perigee::net;
using namespace std::chrono_literals;

namespace {

// Clients on one loop, and on another the server, which is held while they write: so all of it is there when
// it next looks.
struct Held final : ReadsHook {
  explicit Held(size_t clients_wanted) {
    io.start();
    run_on(serving, [&] {
      listener = serving.listen({loopback()}, server).value();
      serving.add_reads_hook(*this);
    });
    run_on(asking, [&] {
      for (size_t i = 0; i < clients_wanted; ++i) {
        clients.push_back(std::make_unique<Recorder>());
        clients.back()->connected = [&] { connected(); };
        clients.back()->stream = &asking.connect(listener->address(), *clients.back());
      }
    });
    all_connected.get_future().wait();
    until([&] { return server.peers.size() == clients_wanted; });
  }
  ~Held() {
    run_on(serving, [&] { listener.reset(); });
    io.stop();
  }

  void connected() {
    if (++connected_clients == clients.size()) all_connected.set_value();
  }
  void until(const std::function<bool()>& done) {
    bool is_done = false;
    while (!is_done) run_on(serving, [&] { is_done = done(); });
  }
  void while_held(const std::function<void()>& action) {
    std::promise<void> held;
    auto go_on = std::make_shared<std::promise<void>>();
    serving.post(make_task([&held, waiting = go_on->get_future().share(), go_on] {
      held.set_value();
      waiting.wait();
    }));
    held.get_future().wait();
    run_on(asking, action);
    go_on->set_value();
  }
  void on_reads_handed_out() override {
    CHECK_FALSE(serving.handing_out_reads());
    rows.push_back(reads - std::exchange(reads_before, reads));
  }
  // Counts reads, and does what the test asks at the first one.
  void count_reads(const std::function<void(Recorder&)>& at_first) {
    run_on(serving, [&] {
      for (auto& peer : server.peers) {
        peer->read = [this, at_first, &peer = *peer](std::string_view) {
          if (!serving.handing_out_reads()) ++reads_alone;
          if (++reads == 1 && at_first) at_first(peer);
        };
      }
    });
  }

  UvIo io;
  Loop& serving = io.add_loop("serving");
  Loop& asking = io.add_loop("asking");
  Server server;
  std::unique_ptr<Listener> listener;
  std::vector<std::unique_ptr<Recorder>> clients;
  size_t connected_clients = 0;
  std::promise<void> all_connected;
  size_t reads = 0, reads_before = 0, reads_alone = 0;
  std::vector<size_t> rows;
};

}  // namespace

TEST_CASE("what several streams have to read is handed out in rows of sixteen", "[net][uv]") {
  Held held(20);
  held.count_reads({});
  held.while_held([&] {
    for (auto& client : held.clients) write_text(*client->stream, "hello");
  });
  held.until([&] { return held.reads == 20; });
  CHECK(held.rows == std::vector<size_t>{16, 4});
  CHECK(held.reads_alone == 0);
  for (auto& peer : held.server.peers) CHECK(peer->received == "hello");
}

TEST_CASE("a row ends behind much that was read", "[net][uv]") {
  Held held(3);
  held.count_reads({});
  const std::string much(20'000, 'm');
  held.while_held([&] {
    for (auto& client : held.clients) REQUIRE(write_text(*client->stream, much) == much.size());
  });
  held.until([&] { return held.reads == 3; });
  CHECK(held.rows == std::vector<size_t>{1, 1, 1});
  for (auto& peer : held.server.peers) CHECK(peer->received == much);
}

TEST_CASE("a stream that is closed by one before it in the row hears no more of what it has read",
          "[net][uv]") {
  Held held(3);
  held.count_reads([&](Recorder& first) {
    for (auto& peer : held.server.peers) {
      if (peer.get() != &first) peer->stream->close();
    }
  });
  held.while_held([&] {
    for (auto& client : held.clients) write_text(*client->stream, "hello");
  });
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
  Held held(3);
  held.count_reads([&](Recorder& first) {
    for (auto& peer : held.server.peers) {
      if (peer.get() != &first) peer->stream->read_stop();
    }
  });
  held.while_held([&] {
    for (auto& client : held.clients) write_text(*client->stream, "one ");
  });
  held.until([&] { return held.reads == 1; });
  // More comes, and an end, while the first bytes are kept.
  held.while_held([&] {
    for (auto& client : held.clients) {
      write_text(*client->stream, "two");
      client->stream->shutdown_write();
    }
  });
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
  Held held(2);
  held.count_reads([&](Recorder& first) {
    for (auto& peer : held.server.peers) {
      if (peer.get() != &first) peer->stream->read_stop();
    }
  });
  held.while_held([&] {
    for (auto& client : held.clients) write_text(*client->stream, "hello");
  });
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
  Held held(4);
  held.count_reads({});
  held.while_held([&] {
    for (auto& client : held.clients) {
      write_text(*client->stream, "last");
      client->stream->shutdown_write();
    }
  });
  held.until([&] {
    size_t ended = 0;
    for (auto& peer : held.server.peers) ended += peer->has("end");
    return ended == 4;
  });
  for (auto& peer : held.server.peers) CHECK(peer->events == std::vector<std::string>{"read", "end"});
}
