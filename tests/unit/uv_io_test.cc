// What only the libuv Io does: threads, signals, descriptors, real files.
#include "edge/net/uv_io.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <cstdlib>
#include <fstream>
#include <future>
#include <string>
#include <thread>

#include "edge/net/uv_loop.h"
#include "tests/unit/io_rig.h"

using namespace perigee;
using namespace perigee::net;
using namespace std::chrono_literals;

TEST_CASE("what was posted before the start runs before the first turn hook", "[net][uv]") {
  struct Hook final : TurnHook {
    void on_turn_end() override {
      if (std::exchange(called, true)) return;
      tasks_before = tasks;
      first.set_value();
    }
    bool called = false;
    int tasks = 0, tasks_before = -1;
    std::promise<void> first;
  } hook;
  UvIo io;
  Loop& loop = io.add_loop("one");
  loop.add_turn_hook(hook);
  loop.post(make_task([&] { ++hook.tasks; }));
  io.start();
  hook.first.get_future().wait();
  io.stop();
  CHECK(hook.tasks_before == 1);
}

TEST_CASE("the first loop can run on the thread that waits", "[net][uv]") {
  UvIoOptions options;
  options.first_loop_in_wait = true;
  UvIo io(options);
  Loop& control = io.add_loop("control");
  Loop& worker = io.add_loop("worker");
  std::thread::id seen;
  worker.post(make_task([&] {
    control.post(make_task([&] {
      seen = std::this_thread::get_id();
      io.stop();
    }));
  }));
  io.start();
  io.wait();
  CHECK(seen == std::this_thread::get_id());
}

TEST_CASE("a message that holds a loop for too long, by work or by waiting, is counted", "[net][uv]") {
  const bool by_work = GENERATE(true, false);
  INFO(by_work);
  UvIo io;
  Loop& loop = io.add_loop("held");
  std::promise<void> done, answered;
  std::promise<pid_t> asked;
  const auto now = [](clockid_t clock) {
    timespec time{};
    clock_gettime(clock, &time);
    return std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec);
  };
  const auto spin = [&](clockid_t clock) {
    const auto until = now(clock) + 2 * turn_long;
    while (now(clock) < until) {
    }
  };
  std::thread other([&] {
    if (by_work) return;
    // Not before it waits: on a busy machine it could lose the processor instead, and find the answer there.
    const std::string stat = "/proc/self/task/" + std::to_string(asked.get_future().get()) + "/stat";
    std::string line;
    while (line.find(") S ") == std::string::npos) std::getline(std::ifstream(stat), line);
    spin(CLOCK_MONOTONIC);
    answered.set_value();
  });
  loop.post(make_task([&] {
    if (by_work) {
      spin(CLOCK_THREAD_CPUTIME_ID);
    } else {
      asked.set_value(gettid());
      answered.get_future().wait();
    }
    // What is posted now still runs in this turn; what that posts runs in the next.
    loop.post(make_task([&] { loop.post(make_task([&] { done.set_value(); })); }));
  }));
  CHECK(loop.turns_long() == 0);
  io.start();
  done.get_future().wait();
  CHECK(loop.turns_long() >= 1);
  other.join();
  io.stop();
}

TEST_CASE("a loop is held by its own work and by what it waits for, not by who has its processor",
          "[net][uv]") {
  const Duration little = turn_long / 2;
  CHECK_FALSE(held_loop(little, {little, 5}, {2 * little, 6}));
  CHECK_FALSE(held_loop(9 * turn_long, {little, 5}, {2 * little, 5}));
  CHECK(held_loop(turn_long, {little, 5}, {little + turn_long, 5}));
  CHECK(held_loop(9 * turn_long, {little, 5}, {2 * little, 6}));
}

TEST_CASE("wait returns when another thread asks to stop", "[net][uv]") {
  UvIo io;
  Loop& loop = io.add_loop("one");
  io.start();
  loop.post(make_task([&] { io.request_stop(); }));
  io.wait();
  CHECK(loop.name() == "one");
}

TEST_CASE("an Io that was never started goes away with its listeners and messages", "[net][uv]") {
  Server server;
  std::unique_ptr<Listener> listener;
  {
    UvIo io;
    Loop& loop = io.add_loop("one");
    listener = *loop.listen({loopback()}, server);
    loop.post(make_task([] { FAIL("ran without a loop"); }));
  }
  CHECK(listener->address().port != 0);
}

TEST_CASE("signals arrive on the loop that watches for them", "[net][uv]") {
  struct Watcher final : SignalHandler {
    void on_signal(int signal) override { got.set_value(signal); }
    std::promise<int> got;
  } handler;
  UvIo io;
  Loop& loop = io.add_loop("control");
  SignalWatcher watcher(loop, {SIGHUP, SIGUSR1}, handler);
  io.start();
  ::kill(::getpid(), SIGUSR1);
  CHECK(handler.got.get_future().get() == SIGUSR1);
  io.stop();
}

TEST_CASE("without descriptors left connections are shed and counted, and accepted again later",
          "[net][uv]") {
  Recorder warm_up, refused, accepted;
  Server server;
  rlimit before{};
  ::getrlimit(RLIMIT_NOFILE, &before);
  UvRig rig;
  std::unique_ptr<Listener> listener;
  rig.run([&] {
    listener = *rig.loop.listen({loopback()}, server);
    // A sanitizer opens descriptors when it first sees a type at work, so everything works once before the
    // limit comes down.
    server.prepare = [](Recorder& peer) { peer.stream->close(); };
    warm_up.stream = &rig.loop.connect(listener->address(), warm_up);
    warm_up.stream->read_start();
  });
  REQUIRE(rig.until([&] { return warm_up.has("end") && server.peers.at(0)->is_closed(); }));
  rig.run([&] {
    refused.stream = &rig.loop.connect(listener->address(), refused);
    refused.stream->read_start();
    // The client has its descriptor; the next one there would be is over the limit.
    int next = ::open("/dev/null", O_RDONLY);
    ::close(next);
    rlimit tight = before;
    tight.rlim_cur = static_cast<rlim_t>(next);
    ::setrlimit(RLIMIT_NOFILE, &tight);
  });
  bool shed = rig.until([&] { return rig.loop.counters().accepts_shed == 1 && refused.has("end"); });
  ::setrlimit(RLIMIT_NOFILE, &before);
  REQUIRE(shed);
  CHECK(server.peers.size() == 1);
  rig.run([&] { accepted.stream = &rig.loop.connect(listener->address(), accepted); });
  REQUIRE(rig.until([&] { return accepted.has("connected") && server.peers.size() == 2; }));
  rig.run([&] { listener.reset(); });
  rig.io.stop();
}

TEST_CASE("idle and echoing connections leave no descriptor behind", "[net][uv]") {
  auto next_descriptor = [] {
    int fd = ::open("/dev/null", O_RDONLY);
    ::close(fd);
    return fd;
  };
  int before = next_descriptor();
  {
    std::vector<std::unique_ptr<Recorder>> clients;
    Server server;
    UvRig rig;
    std::unique_ptr<Listener> listener;
    rig.run([&] {
      listener = *rig.loop.listen({loopback()}, server);
      for (int i = 0; i < 20; ++i) {
        clients.push_back(std::make_unique<Recorder>());
        clients.back()->stream = &rig.loop.connect(listener->address(), *clients.back());
      }
    });
    REQUIRE(rig.until([&] { return server.peers.size() == 20; }));
    rig.run([&] { listener.reset(); });
  }
  CHECK(next_descriptor() == before);
}

TEST_CASE("two loops share a port, and what either accepts can be told apart", "[net][uv]") {
  Server server_a, server_b;
  std::vector<std::unique_ptr<Recorder>> clients;
  UvIo io;
  Loop& a = io.add_loop("a");
  Loop& b = io.add_loop("b");
  auto listener_a = *a.listen({loopback(), true}, server_a);
  auto listener_b = *b.listen({listener_a->address(), true}, server_b);
  std::promise<void> all;
  int connected = 0;
  a.post(make_task([&] {
    for (int i = 0; i < 32; ++i) {
      clients.push_back(std::make_unique<Recorder>());
      Recorder& client = *clients.back();
      client.connected = [&] {
        if (++connected == 32) all.set_value();
      };
      client.stream = &a.connect(listener_a->address(), client);
    }
  }));
  io.start();
  all.get_future().wait();
  io.stop();
  CHECK(server_a.peers.size() + server_b.peers.size() <= 32);
  CHECK(server_a.peers.size() > 0);
}

namespace {

struct Directory {
  Directory() { REQUIRE(::mkdtemp(name) != nullptr); }
  ~Directory() {
    std::string command = std::string("rm -rf ") + name;
    if (std::system(command.c_str()) != 0) WARN("left behind: " << name);
  }
  std::string path(const std::string& file) const { return std::string(name) + "/" + file; }
  char name[32] = "/tmp/perigee-files-XXXXXX";
};

}  // namespace

TEST_CASE("real files are written whole, read in parts, and their absence has a name", "[net][files]") {
  Directory directory;
  UvIo io;
  Files& files = io.files();
  REQUIRE(files.write_atomically(directory.path("a"), "first"));
  REQUIRE(files.write_atomically(directory.path("a"), std::string(200'000, 'y') + "end"));
  auto file = files.open(directory.path("a"));
  REQUIRE(file);
  CHECK((*file)->info().size == 200'003);
  CHECK_FALSE((*file)->info().is_directory);
  char text[8];
  CHECK(*(*file)->read(200'000, text, sizeof text) == 3);
  CHECK(std::string_view(text, 3) == "end");
  CHECK(*(*file)->read(300'000, text, sizeof text) == 0);
  CHECK(files.read_all(directory.path("a"), 200'003)->size() == 200'003);
  CHECK(files.read_all(directory.path("a"), 200'002).error().code == "file_error");
  CHECK(files.read_all(directory.path("b"), 10).error().code == "file_not_found");
  CHECK(files.read_all(directory.path("a/b"), 10).error().code == "file_not_found");
  CHECK((*files.open(directory.name))->info().is_directory);
  CHECK(files.read_all(directory.name, 10).error().code == "file_error");
  CHECK(files.write_atomically(directory.path("no/such/place"), "x").error().code == "file_not_found");
  CHECK(files.open("/dev/null").error().code == "file_denied");
}

TEST_CASE("a write that fails leaves the old file and nothing beside it", "[net][files]") {
  Directory directory;
  UvIo io;
  REQUIRE(::mkdir(directory.path("taken").c_str(), 0700) == 0);
  REQUIRE(io.files().write_atomically(directory.path("taken/inside"), "x"));
  CHECK_FALSE(io.files().write_atomically(directory.path("taken"), "cannot replace a directory"));
  CHECK(io.files().read_all(directory.path("taken/inside"), 10) == "x");
  std::string count = "test $(ls " + std::string(directory.name) + " | wc -l) = 1";
  CHECK(std::system(count.c_str()) == 0);
}
