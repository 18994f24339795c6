// What only the in-memory twin can do: faults, virtual time, and the same run again from the same seed.
#include "edge/net/memory_io.h"

#include <catch2/catch_test_macros.hpp>
#include <optional>
#include <stdexcept>

#include "tests/unit/io_rig.h"

using namespace perigee;
using namespace perigee::net;
using namespace std::chrono_literals;

namespace {

// Two nodes, one listening, with a client on the other. Declared in the order they may die.
struct Two {
  explicit Two(uint64_t seed = 1) : world(seed) {
    listener = *there_loop.listen({there->ip().with_port(80)}, server);
    here->start();
    there->start();
  }
  void dial(Recorder& who) {
    who.stream = &here_loop.connect(listener->address(), who);
    who.stream->read_start();
  }
  Recorder& peer(size_t i = 0) { return *server.peers.at(i); }
  void open() {
    dial(client);
    REQUIRE(world.run_until([&] { return client.has("connected") && !server.peers.empty(); }, 60s));
  }

  Server server;
  Recorder client;
  MemoryWorld world;
  std::unique_ptr<MemoryIo> here = world.make_io("here", "10.1.0.1");
  std::unique_ptr<MemoryIo> there = world.make_io("there", "10.2.0.1");
  Loop& here_loop = here->add_loop("one");
  Loop& there_loop = there->add_loop("one");
  std::unique_ptr<Listener> listener;
};

struct Asker final : ResolveHandler {
  void on_resolved(Result<Resolved> result) override { answer = std::move(result); }
  std::optional<Result<Resolved>> answer;
};

}  // namespace

TEST_CASE("a connect takes the delays of both directions, bytes that of one", "[net][memory]") {
  Two two;
  two.world.set_delay("here", "there", 30ms);
  two.world.set_delay("there", "here", 10ms);
  two.dial(two.client);
  two.world.advance(39ms);
  CHECK_FALSE(two.client.has("connected"));
  two.world.advance(1ms);
  CHECK(two.client.has("connected"));
  write_text(*two.client.stream, "hi");
  two.world.advance(29ms);
  CHECK(two.peer().received.empty());
  two.world.advance(1ms);
  CHECK(two.peer().received == "hi");
  CHECK(two.peer().stream->remote_address().ip() == "10.1.0.1");
}

TEST_CASE("jitter never reorders the bytes of a stream", "[net][memory]") {
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    Two two(seed);
    two.world.set_delay("here", "there", 1ms, 50ms);
    two.open();
    std::string sent;
    for (int i = 0; i < 100; ++i) {
      std::string part = std::to_string(i) + " ";
      sent += part;
      write_text(*two.client.stream, part);
    }
    two.client.stream->close();
    two.world.advance(200ms);
    CHECK(two.peer().received == sent);
    CHECK(two.peer().events.back() == "end");
  }
}

TEST_CASE("what is sent into a dropping link waits and arrives when the link is whole again",
          "[net][memory]") {
  Two two;
  two.open();
  two.world.set_drop("here", "there", true);
  write_text(*two.client.stream, "late");
  write_text(*two.peer().stream, "the other way works");
  two.world.advance(10s);
  CHECK(two.peer().received.empty());
  CHECK(two.client.received == "the other way works");
  two.world.set_drop("here", "there", false);
  two.world.run_until_idle();
  CHECK(two.peer().received == "late");
}

TEST_CASE("a paused node accepts and receives as its kernel does, and answers when it goes on",
          "[net][memory]") {
  Two two;
  two.world.pause_node(*two.there);
  two.dial(two.client);
  two.world.advance(10s);
  CHECK(two.client.has("connected"));
  CHECK(two.server.peers.empty());
  write_text(*two.client.stream, "hello");
  two.world.advance(10s);
  two.world.resume_node(*two.there);
  two.world.run_until_idle();
  REQUIRE(two.server.peers.size() == 1);
  CHECK(two.peer().received == "hello");
}

TEST_CASE("a connect into a partition hangs, and succeeds after the partition has healed", "[net][memory]") {
  Two two;
  two.world.partition("here", "there");
  two.dial(two.client);
  two.world.advance(1h);
  CHECK(two.client.events.empty());
  two.world.heal("here", "there");
  two.world.run_until_idle();
  CHECK(two.client.has("connected"));
}

TEST_CASE("a reset is lost on a link that drops, and comes back for the next bytes", "[net][memory]") {
  Two two;
  two.open();
  two.world.set_drop("there", "here", true);
  two.peer().stream->reset();
  two.world.run_until_idle();
  CHECK(two.peer().is_closed());
  CHECK_FALSE(two.client.is_closed());
  two.world.set_drop("there", "here", false);
  write_text(*two.client.stream, "are you there?");
  two.world.run_until_idle();
  CHECK(two.client.has("connection_reset"));
}

TEST_CASE("refusing links and nobody listening look the same", "[net][memory]") {
  Two two;
  two.world.set_refuse("here", "there", true);
  two.dial(two.client);
  Recorder other;
  other.stream = &two.here_loop.connect(*Address::parse("192.0.2.99:80"), other);
  two.world.run_until_idle();
  CHECK(two.client.events == std::vector<std::string>{"connection_refused", "closed"});
  CHECK(other.events == two.client.events);
}

TEST_CASE("connections between two nodes can be reset at a stroke", "[net][memory]") {
  Two two;
  two.open();
  two.world.reset_connections("there", "here");
  two.world.run_until_idle();
  CHECK(two.client.has("connection_reset"));
  CHECK(two.peer().has("connection_reset"));
}

TEST_CASE("bytes that came before a reset are read before it shows", "[net][memory]") {
  Two two;
  two.open();
  two.client.stream->read_stop();
  write_text(*two.peer().stream, "last words");
  two.world.run_until_idle();
  two.client.stream->read_start();
  two.peer().stream->reset();
  two.world.run_until_idle();
  CHECK(two.client.received == "last words");
  CHECK(two.client.events == std::vector<std::string>{"connected", "read", "connection_reset", "closed"});
}

TEST_CASE("a crash resets the node's connections and frees its addresses", "[net][memory]") {
  Two two;
  two.open();
  two.world.stop_node(*two.there);
  CHECK(two.peer().is_closed());
  two.world.run_until_idle();
  CHECK(two.client.has("connection_reset"));
  Recorder again;
  two.dial(again);
  two.world.run_until_idle();
  CHECK(again.has("connection_refused"));
}

TEST_CASE("the send buffer bounds what is taken, and room comes with reading", "[net][memory]") {
  Two two;
  two.here->shape().send_buffer_bytes = 1000;
  two.open();
  two.peer().stream->read_stop();
  CHECK(write_text(*two.client.stream, std::string(1500, 'x')) == 1000);
  CHECK(write_text(*two.client.stream, "more") == 0);
  two.world.advance(1s);
  CHECK_FALSE(two.client.has("writable"));
  two.peer().stream->read_start();
  two.world.run_until_idle();
  CHECK(two.client.events.back() == "writable");
}

TEST_CASE("short writes and small reads can be forced", "[net][memory]") {
  Two two;
  two.here->shape().write_bytes_max = 3;
  two.there->shape().read_bytes_max = 2;
  two.open();
  std::vector<size_t> sizes;
  two.peer().read = [&](std::string_view bytes) { sizes.push_back(bytes.size()); };
  CHECK(write_text(*two.client.stream, "abcdef") == 3);
  two.world.run_until_idle();
  CHECK(sizes == std::vector<size_t>{2, 1});
  CHECK(two.client.events.back() == "writable");
}

TEST_CASE("a link's bandwidth spreads bytes over time", "[net][memory]") {
  Two two;
  two.open();
  two.world.set_bandwidth("here", "there", 100'000);
  CHECK(write_text(*two.client.stream, std::string(100'000, 'x')) == 100'000);
  two.world.advance(500ms);
  CHECK(two.peer().received.size() > 30'000);
  CHECK(two.peer().received.size() < 60'000);
  two.world.advance(501ms);
  CHECK(two.peer().received.size() == 100'000);
}

TEST_CASE("bytes kept after on_read has returned are overwritten", "[net][memory]") {
  Two two;
  two.open();
  std::string_view kept;
  two.peer().read = [&](std::string_view bytes) { kept = bytes; };
  write_text(*two.client.stream, "view");
  two.world.run_until_idle();
  CHECK(kept != "view");
}

TEST_CASE("a full accept queue makes connects wait, not fail", "[net][memory]") {
  Two two;
  two.listener = *two.there_loop.listen({two.there->ip().with_port(81), false, 1}, two.server);
  std::vector<std::unique_ptr<Recorder>> clients;
  for (int i = 0; i < 5; ++i) {
    clients.push_back(std::make_unique<Recorder>());
    two.dial(*clients.back());
  }
  two.world.advance(30s);
  for (auto& client : clients) CHECK(client->events == std::vector<std::string>{"connected"});
  CHECK(two.server.peers.size() == 5);
  for (auto& client : clients) client->stream->close();
  two.world.run_until_idle();
}

TEST_CASE("names resolve with their delay, fail as told, and a cancelled look-up is silent",
          "[net][memory][dns]") {
  Two two;
  two.world.add_host("origin.test", {"10.9.0.1", "2001:db8::9"}, 7s);
  two.world.set_resolve_delay("origin.test", 20ms);
  two.world.fail_host("slow.test", "dns_timeout");
  Asker good, cancelled, slow, unknown;
  auto a = two.here_loop.resolve("origin.test", 8080, good);
  auto b = two.here_loop.resolve("origin.test", 8080, cancelled);
  auto c = two.here_loop.resolve("slow.test", 1, slow);
  auto d = two.here_loop.resolve("nowhere.test", 1, unknown);
  CHECK_FALSE(unknown.answer);
  two.world.advance(19ms);
  CHECK_FALSE(good.answer);
  b.reset();
  two.world.advance(1ms);
  REQUIRE(good.answer);
  CHECK((*good.answer)->addresses.at(1).to_string() == "[2001:db8::9]:8080");
  CHECK((*good.answer)->ttl == 7s);
  CHECK_FALSE(cancelled.answer);
  CHECK(slow.answer->error().code == "dns_timeout");
  CHECK(unknown.answer->error().code == "dns_error");
  CHECK(unknown.answer->error().side == Side::upstream);
}

TEST_CASE("the wall clock follows the world's time and can be set apart from it", "[net][memory]") {
  Two two;
  WallTime before = two.here_loop.wall_now();
  two.world.advance(90s);
  CHECK(two.here_loop.wall_now() == before + 90s);
  two.world.shift_wall(-1h);
  CHECK(two.there_loop.wall_now() == before + 90s - 1h);
  two.world.set_wall(wall_from_unix_seconds(5));
  CHECK(two.here_loop.wall_now() == wall_from_unix_seconds(5));
}

TEST_CASE("time moves from event to event, in order, across nodes", "[net][memory]") {
  Two two;
  struct Alarm final : TimerHandler {
    Alarm(std::vector<int>& log_, int number_) : log(log_), number(number_) {}
    void on_timer(Timer&) override { log.push_back(number); }
    std::vector<int>& log;
    int number;
    Timer timer{*this};
  };
  std::vector<int> log;
  Alarm first(log, 1), second(log, 2), third(log, 3);
  two.here_loop.timers().arm(third.timer, two.world.now() + 3h);
  two.there_loop.timers().arm(first.timer, two.world.now() + 5ms);
  two.here_loop.timers().arm(second.timer, two.world.now() + 300ms);
  two.world.advance(4h);
  CHECK(log == std::vector<int>{1, 2, 3});
}

TEST_CASE("run_until gives up at its limit and has moved the clock there", "[net][memory]") {
  Two two;
  MonoTime before = two.world.now();
  CHECK_FALSE(two.world.run_until([] { return false; }, 10s));
  CHECK(two.world.now() == before + 10s);
}

TEST_CASE("a world that never comes to rest is reported, not waited for", "[net][memory]") {
  Two two;
  std::function<void()> again = [&] { two.here_loop.post(make_task(again)); };
  again();
  two.world.set_step_limit(1000);
  CHECK_THROWS_AS(two.world.run_until_idle(), std::logic_error);
}

TEST_CASE("files are read, replaced, refused and full as the test says", "[net][memory][files]") {
  Two two;
  MemoryFiles& files = two.here->memory_files();
  files.put("/etc/a.toml", "one");
  CHECK(two.here->files().read_all("/etc/a.toml", 100) == "one");
  CHECK(two.here->files().read_all("/etc/a.toml", 2).error().code == "file_error");
  CHECK(two.here->files().read_all("/etc/b.toml", 100).error().code == "file_not_found");
  CHECK((*two.here->files().open("/etc"))->info().is_directory);
  CHECK(two.there->files().read_all("/etc/a.toml", 100).error().code == "file_not_found");

  auto old = *files.open("/etc/a.toml");
  two.world.advance(5s);
  REQUIRE(files.write_atomically("/etc/a.toml", "second"));
  char text[16];
  CHECK(*old->read(1, text, sizeof text) == 2);
  CHECK(std::string_view(text, 2) == "ne");
  CHECK((*files.open("/etc/a.toml"))->info().size == 6);
  CHECK((*files.open("/etc/a.toml"))->info().modified == old->info().modified + 5s);

  files.set_disk_full(true);
  CHECK(files.write_atomically("/etc/a.toml", "third").error().code == "file_error");
  CHECK(files.read_all("/etc/a.toml", 100) == "second");
  files.fail("/etc/a.toml", "file_denied");
  CHECK(files.open("/etc/a.toml").error().code == "file_denied");
  files.fail("/etc/a.toml", {});
  CHECK(files.open("/etc/a.toml"));
}

namespace {

// Eight clients talk to an echo server over jittery links; returns the trace and the order in which they were
// served.
std::pair<uint64_t, std::string> chatter(uint64_t seed) {
  Two two(seed);
  two.world.set_delay("here", "there", 1ms, 2ms);
  two.there->shape().random_read_sizes = true;
  std::string order;
  two.server.prepare = [&](Recorder& peer) {
    peer.read = [&order, &peer](std::string_view bytes) {
      order += bytes;
      write_text(*peer.stream, bytes);
    };
  };
  std::vector<std::unique_ptr<Recorder>> clients;
  for (char name = 'a'; name <= 'h'; ++name) {
    clients.push_back(std::make_unique<Recorder>());
    Recorder& client = *clients.back();
    client.connected = [&client, name] { write_text(*client.stream, std::string(5, name)); };
    two.dial(client);
  }
  two.world.advance(1s);
  for (auto& client : clients) {
    CHECK(client->received.size() == 5);
    client->stream->close();
  }
  two.world.run_until_idle();
  return {two.world.trace_digest(), order};
}

}  // namespace

TEST_CASE("the same seed is the same run, another seed another", "[net][memory]") {
  auto first = chatter(11);
  CHECK(chatter(11) == first);
  auto other = chatter(12);
  CHECK(other.first != first.first);
  CHECK(other.second != first.second);
}
