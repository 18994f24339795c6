// What both implementations of Io promise, as scenarios that run on each.
#include <algorithm>
#include <catch2/catch_template_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <optional>

#include "tests/unit/io_rig.h"

using namespace perigee;
using namespace perigee::net;
using namespace std::chrono_literals;

namespace {

// A listening server and one connection to it, both on the rig's loop.
template <typename Rig>
struct Pair {
  Pair() {
    rig.run([&] {
      listener = *rig.loop.listen({loopback()}, server);
      connect();
    });
  }
  ~Pair() {
    if (stopped) return;
    rig.run([&] { listener.reset(); });
    rig.get().stop();
  }
  void connect() {
    client.stream = &rig.loop.connect(listener->address(), client);
    client.stream->read_start();
  }
  Recorder& peer() { return *server.peers.at(0); }
  void open() {
    REQUIRE(rig.until([&] { return client.has("connected") && !server.peers.empty(); }));
  }

  Rig rig;
  Server server;
  Recorder client;
  std::unique_ptr<Listener> listener;
  bool stopped = false;  // the test has stopped the Io and dropped the listener
};

}  // namespace

TEMPLATE_TEST_CASE("bytes are echoed, and half-closing lets the other side finish", "[net][io]", MemoryRig,
                   UvRig) {
  Pair<TestType> pair;
  pair.open();
  pair.rig.run([&] {
    pair.peer().read = [&](std::string_view bytes) { write_text(*pair.peer().stream, bytes); };
    pair.peer().end = [&] {
      write_text(*pair.peer().stream, "bye");
      pair.peer().stream->shutdown_write();
    };
    write_text(*pair.client.stream, "hello ");
  });
  REQUIRE(pair.rig.until([&] { return pair.client.received == "hello "; }));
  pair.rig.run([&] { pair.client.stream->shutdown_write(); });
  REQUIRE(pair.rig.until([&] { return pair.client.has("end"); }));
  CHECK(pair.client.received == "hello bye");
  pair.rig.run([&] {
    pair.client.stream->close();
    pair.peer().stream->close();
    CHECK_FALSE(pair.client.is_closed());
  });
  REQUIRE(pair.rig.until([&] { return pair.client.is_closed() && pair.peer().is_closed(); }));
  CHECK(pair.client.events == std::vector<std::string>{"connected", "read", "end", "closed"});
}

TEMPLATE_TEST_CASE("on_writable follows a short write once the other side has read", "[net][io]", MemoryRig,
                   UvRig) {
  Pair<TestType> pair;
  pair.open();
  const std::string block(1 << 20, 'x');
  size_t sent = 0;
  pair.rig.run([&] {
    pair.peer().stream->read_stop();
    while (size_t taken = write_text(*pair.client.stream, block)) sent += taken;
    CHECK_FALSE(pair.client.has("writable"));
    pair.peer().stream->read_start();
  });
  REQUIRE(pair.rig.until([&] { return pair.client.has("writable") && pair.peer().received.size() == sent; }));
  CHECK(sent > 0);
  pair.rig.run([&] {
    auto writables = [&] {
      return std::count(pair.client.events.begin(), pair.client.events.end(), "writable");
    };
    CHECK(writables() == 1);
  });
}

TEMPLATE_TEST_CASE("a stream closed in its own callback hears nothing more but on_closed", "[net][io]",
                   MemoryRig, UvRig) {
  Pair<TestType> pair;
  pair.open();
  pair.rig.run([&] {
    pair.peer().read = [&](std::string_view) {
      pair.peer().stream->close();
      pair.peer().stream->close();
      CHECK_FALSE(pair.peer().is_closed());
    };
    write_text(*pair.client.stream, "one");
    pair.client.stream->shutdown_write();
  });
  REQUIRE(pair.rig.until([&] { return pair.peer().is_closed(); }));
  CHECK(pair.peer().events == std::vector<std::string>{"read", "closed"});
  REQUIRE(pair.rig.until([&] { return pair.client.has("end"); }));
}

TEMPLATE_TEST_CASE("a reset is an error to the other side, reading or not", "[net][io]", MemoryRig, UvRig) {
  bool reading = GENERATE(true, false);
  Pair<TestType> pair;
  pair.open();
  pair.rig.run([&] {
    // The mark that bytes nobody reads leave behind must not hide the reset either.
    if (!reading) pair.client.stream->read_stop();
    pair.peer().stream->reset();
  });
  REQUIRE(pair.rig.until([&] { return pair.client.is_closed(); }));
  CHECK(pair.client.events == std::vector<std::string>{"connected", "connection_reset", "closed"});
}

TEMPLATE_TEST_CASE("closing with bytes unread resets the other side", "[net][io]", MemoryRig, UvRig) {
  Pair<TestType> pair;
  pair.open();
  pair.rig.run([&] {
    pair.peer().stream->read_stop();
    write_text(*pair.client.stream, "never read");
    pair.peer().closed = [] {};
  });
  pair.rig.run([&] { pair.peer().stream->close(); });
  REQUIRE(pair.rig.until([&] { return pair.client.is_closed(); }));
  CHECK(pair.client.has("connection_reset"));
}

TEMPLATE_TEST_CASE("writing on a connection the other side has closed ends in an error from the loop",
                   "[net][io]", MemoryRig, UvRig) {
  Pair<TestType> pair;
  pair.open();
  pair.rig.run([&] { pair.peer().stream->close(); });
  REQUIRE(pair.rig.until([&] { return pair.client.has("end"); }));
  pair.rig.run([&] { write_text(*pair.client.stream, "into the void"); });
  pair.rig.run([&] {
    if (pair.client.stream != nullptr) write_text(*pair.client.stream, "again");
  });
  REQUIRE(pair.rig.until([&] { return pair.client.is_closed(); }));
  CHECK(pair.client.has("connection_reset"));
}

TEMPLATE_TEST_CASE("a refused connect is an error from the loop, then closed", "[net][io]", MemoryRig,
                   UvRig) {
  Recorder late;
  Pair<TestType> pair;
  pair.open();
  pair.rig.run([&] {
    Address gone = pair.listener->address();
    pair.listener.reset();
    late.stream = &pair.rig.loop.connect(gone, late);
    CHECK(late.events.empty());
  });
  REQUIRE(pair.rig.until([&] { return late.is_closed(); }));
  CHECK(late.events == std::vector<std::string>{"connection_refused", "closed"});
}

TEMPLATE_TEST_CASE("a connect closed before it is up is closed and never connected", "[net][io]", MemoryRig,
                   UvRig) {
  Pair<TestType> pair;
  pair.rig.run([&] {
    if (pair.client.stream != nullptr) pair.client.stream->close();
  });
  REQUIRE(pair.rig.until([&] { return pair.client.is_closed(); }));
  CHECK(pair.client.events.back() == "closed");
}

TEMPLATE_TEST_CASE("what is written before the connection is up is not taken, and room is announced",
                   "[net][io]", MemoryRig, UvRig) {
  Recorder early;
  Pair<TestType> pair;
  early.writable = [&] { write_text(*early.stream, "early"); };
  pair.rig.run([&] {
    early.stream = &pair.rig.loop.connect(pair.listener->address(), early);
    CHECK(write_text(*early.stream, "early") == 0);
  });
  REQUIRE(pair.rig.until([&] {
    for (auto& peer : pair.server.peers) {
      if (peer->received == "early") return true;
    }
    return false;
  }));
  CHECK(early.events.at(0) == "connected");
  CHECK(early.events.at(1) == "writable");
}

TEMPLATE_TEST_CASE("several slices arrive as one stream of bytes", "[net][io]", MemoryRig, UvRig) {
  Pair<TestType> pair;
  pair.open();
  std::string expected;
  std::vector<std::string> parts;
  for (int i = 0; i < 1000; ++i) parts.push_back(i % 7 == 0 ? "" : std::to_string(i) + ",");
  for (const auto& part : parts) expected += part;
  pair.rig.run([&] {
    std::vector<Slice> slices(parts.begin(), parts.end());
    CHECK(pair.client.stream->write(slices) == expected.size());
  });
  REQUIRE(pair.rig.until([&] { return pair.peer().received == expected; }));
}

TEMPLATE_TEST_CASE("addresses of both ends agree", "[net][io]", MemoryRig, UvRig) {
  Pair<TestType> pair;
  pair.open();
  pair.rig.run([&] {
    CHECK(pair.client.stream->remote_address() == pair.listener->address());
    CHECK(pair.peer().stream->local_address() == pair.listener->address());
    CHECK(pair.peer().stream->remote_address() == pair.client.stream->local_address());
    CHECK(pair.listener->address().port != 0);
  });
}

TEMPLATE_TEST_CASE("an address that is taken cannot be listened on without reuse_port, and can with it",
                   "[net][io]", MemoryRig, UvRig) {
  Pair<TestType> pair;
  pair.rig.run([&] {
    auto second = pair.rig.loop.listen({pair.listener->address()}, pair.server);
    REQUIRE_FALSE(second);
    CHECK(second.error().code == "listen_failed");
    CHECK(second.error().context.find(pair.listener->address().to_string()) != std::string::npos);
    auto third = pair.rig.loop.listen({loopback(), true}, pair.server);
    REQUIRE(third);
    CHECK(pair.rig.loop.listen({(*third)->address(), true}, pair.server).has_value());
  });
}

TEMPLATE_TEST_CASE("draining a listener accepts what is in its queue and nothing after", "[net][io]",
                   MemoryRig, UvRig) {
  Recorder queued, late;
  Pair<TestType> pair;
  pair.open();
  Address address;
  pair.rig.run([&] {
    address = pair.listener->address();
    queued.stream = &pair.rig.loop.connect(address, queued);
  });
  REQUIRE(pair.rig.until([&] { return queued.has("connected"); }));
  pair.rig.run([&] {
    pair.listener->drain();
    CHECK(pair.server.peers.size() == 2);
    late.stream = &pair.rig.loop.connect(address, late);
  });
  REQUIRE(pair.rig.until([&] { return late.is_closed(); }));
  CHECK(late.has("connection_refused"));
  CHECK_FALSE(queued.is_closed());
}

TEMPLATE_TEST_CASE("messages run in the order they were posted, after the call that posted them", "[net][io]",
                   MemoryRig, UvRig) {
  TestType rig;
  std::vector<int> order;
  rig.run([&] {
    for (int i = 0; i < 5; ++i) rig.loop.post(make_task([&order, i] { order.push_back(i); }));
    CHECK(order.empty());
  });
  REQUIRE(rig.until([&] { return order.size() == 5; }));
  CHECK(order == std::vector<int>{0, 1, 2, 3, 4});
}

TEMPLATE_TEST_CASE("a timer fires on the loop, not before its time", "[net][io]", MemoryRig, UvRig) {
  TestType rig;
  struct Alarm final : TimerHandler {
    explicit Alarm(Loop& loop_) : loop(loop_) {}
    void on_timer(Timer&) override { fired = loop.now(); }
    Loop& loop;
    MonoTime fired{};
    Timer timer{*this};
  } alarm{rig.loop};
  MonoTime due{};
  rig.run([&] { rig.loop.timers().arm(alarm.timer, due = rig.loop.now() + 20ms); });
  REQUIRE(rig.until([&] { return alarm.fired != MonoTime{}; }));
  CHECK(alarm.fired >= due);
  rig.get().stop();
}

TEMPLATE_TEST_CASE("turn hooks run after the turn's events, and may remove themselves", "[net][io]",
                   MemoryRig, UvRig) {
  TestType rig;
  struct Hook final : TurnHook {
    explicit Hook(Loop& loop_) : loop(loop_) {}
    void on_turn_end() override {
      seen = events;
      ++turns;
      loop.remove_turn_hook(*this);
    }
    Loop& loop;
    int events = 0, seen = -1, turns = 0;
  } hook{rig.loop};
  rig.run([&] {
    rig.loop.add_turn_hook(hook);
    ++hook.events;
    CHECK(hook.turns == 0);
  });
  REQUIRE(rig.until([&] { return hook.turns == 1; }));
  CHECK(hook.seen == 1);
  rig.run([] {});
  CHECK(hook.turns == 1);
}

TEMPLATE_TEST_CASE("the clocks stand still within a turn", "[net][io]", MemoryRig, UvRig) {
  TestType rig;
  rig.run([&] {
    MonoTime first = rig.loop.now();
    WallTime wall = rig.loop.wall_now();
    std::string work(1 << 20, 'x');
    CHECK(std::count(work.begin(), work.end(), 'x') == 1 << 20);
    CHECK(rig.loop.now() == first);
    CHECK(rig.loop.wall_now() == wall);
  });
}

TEMPLATE_TEST_CASE("stopping closes every stream, and a message that comes too late is destroyed unrun",
                   "[net][io]", MemoryRig, UvRig) {
  auto witness = std::make_shared<int>(0);
  Pair<TestType> pair;
  pair.open();
  pair.rig.get().stop();
  CHECK(pair.client.is_closed());
  CHECK(pair.peer().is_closed());
  pair.listener.reset();
  pair.rig.loop.post(make_task([witness] { ++*witness; }));
  CHECK(*witness == 0);
  CHECK(witness.use_count() == 1);
  pair.stopped = true;
}

TEMPLATE_TEST_CASE("a loop may stop its own Io from a callback", "[net][io]", MemoryRig, UvRig) {
  Pair<TestType> pair;
  pair.open();
  pair.rig.run([&] { pair.rig.get().stop(); });
  pair.rig.get().stop();
  CHECK(pair.client.is_closed());
  pair.listener.reset();
  pair.stopped = true;
}

TEMPLATE_TEST_CASE("an IP literal resolves to itself, from the loop", "[net][io][dns]", MemoryRig, UvRig) {
  TestType rig;
  struct Asker final : ResolveHandler {
    void on_resolved(Result<Resolved> result) override { answer = std::move(result); }
    std::optional<Result<Resolved>> answer;
  } asker, cancelled;
  std::unique_ptr<ResolveRequest> request, other;
  rig.run([&] {
    request = rig.loop.resolve("::1", 443, asker);
    CHECK_FALSE(asker.answer);
    other = rig.loop.resolve("127.0.0.1", 443, cancelled);
    other.reset();
  });
  REQUIRE(rig.until([&] { return asker.answer.has_value(); }));
  REQUIRE(asker.answer->has_value());
  CHECK((*asker.answer)->addresses.at(0).to_string() == "[::1]:443");
  CHECK_FALSE(cancelled.answer);
  rig.run([&] { request.reset(); });
}

TEMPLATE_TEST_CASE("a keep-alive exchange costs one read and one write on each side", "[net][io]", MemoryRig,
                   UvRig) {
  Pair<TestType> pair;
  pair.open();
  constexpr int rounds = 50;
  int round = 0;
  pair.rig.run([&] {
    pair.peer().read = [&](std::string_view bytes) { write_text(*pair.peer().stream, bytes); };
    pair.client.read = [&](std::string_view bytes) {
      if (++round < rounds) write_text(*pair.client.stream, bytes);
    };
    pair.rig.loop.counters() = {};
    write_text(*pair.client.stream, "ping");
  });
  REQUIRE(pair.rig.until([&] { return round == rounds; }));
  pair.rig.run([&] {
    const IoCounters& counters = pair.rig.loop.counters();
    CHECK(counters.reads == 2 * rounds);
    CHECK(counters.writes == 2 * rounds);
    CHECK(counters.bytes_read == 2 * rounds * 4);
  });
}
