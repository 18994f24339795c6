// Runs the same scenario on both implementations of Io. A scenario has a server loop's worth of code and a
// client's on one loop; everything it touches is touched on that loop: run() executes there, until() asks
// there.
#pragma once

#include <catch2/catch_test_macros.hpp>
#include <functional>
#include <future>
#include <memory>
#include <string>
#include <vector>

#include "edge/net/memory_io.h"
#include "edge/net/uv_io.h"

namespace perigee::net {

// Does something on a loop that another thread runs, and waits for it.
inline void run_on(Loop& loop, const std::function<void()>& action) {
  std::promise<void> done;
  loop.post(make_task([&] {
    action();
    done.set_value();
  }));
  done.get_future().wait();
}

struct MemoryRig {
  MemoryRig() { io->start(); }
  void run(const std::function<void()>& action) {
    loop.post(make_task(action));
    world.run_until_idle();
  }
  bool until(const std::function<bool()>& done) { return world.run_until(done, std::chrono::seconds(60)); }
  Io& get() { return *io; }

  MemoryWorld world{7};
  std::unique_ptr<MemoryIo> io = world.make_io("here", "127.0.0.1");
  Loop& loop = io->add_loop("one");
};

struct UvRig {
  explicit UvRig(UvIoOptions options = {}) : io(std::move(options)) { io.start(); }
  void run(const std::function<void()>& action) { run_on(loop, action); }
  // Asks at the end of each turn of the loop.
  bool until(const std::function<bool()>& done) {
    struct Hook final : TurnHook {
      explicit Hook(const std::function<bool()>& question_) : question(question_) {}
      void on_turn_end() override {
        if (answered || !question()) return;
        answered = true;
        answer.set_value();
      }
      const std::function<bool()>& question;
      bool answered = false;
      std::promise<void> answer;
    } hook{done};
    run([&] { loop.add_turn_hook(hook); });
    bool in_time = hook.answer.get_future().wait_for(std::chrono::seconds(20)) == std::future_status::ready;
    run([&] { loop.remove_turn_hook(hook); });
    return in_time;
  }
  Io& get() { return io; }

  UvIo io;
  Loop& loop = io.add_loop("one");
};

// Notes what happens to one stream, in words, and does what the test asks on the way.
struct Recorder final : StreamHandler {
  void on_connected() override {
    events.push_back("connected");
    if (connected) connected();
  }
  void on_read(std::string_view bytes) override {
    received.append(bytes);
    if (events.empty() || events.back() != "read") events.push_back("read");
    if (read) read(bytes);
  }
  void on_end() override {
    events.push_back("end");
    if (end) end();
  }
  void on_writable() override {
    events.push_back("writable");
    if (writable) writable();
  }
  void on_error(StreamError error) override {
    events.push_back(std::string(to_string(error)));
    if (close_on_error) stream->close();
  }
  void on_closed() override {
    events.push_back("closed");
    stream = nullptr;
    if (closed) closed();
  }
  bool is_closed() const { return !events.empty() && events.back() == "closed"; }
  bool has(std::string_view event) const {
    for (const auto& known : events) {
      if (known == event) return true;
    }
    return false;
  }

  Stream* stream = nullptr;
  std::string received;
  std::vector<std::string> events;
  bool close_on_error = true;
  std::function<void()> connected, end, writable, closed;
  std::function<void(std::string_view)> read;
};

// Gives every accepted stream a Recorder of its own; reading is on.
struct Server final : AcceptHandler {
  StreamHandler& on_accept(Listener&, Stream& stream) override {
    peers.push_back(std::make_unique<Recorder>());
    Recorder& peer = *peers.back();
    peer.stream = &stream;
    StreamHandler& below = wrap ? wrap(peer, stream) : peer;
    if (read_at_once) peer.stream->read_start();
    if (prepare) prepare(peer);
    return below;
  }
  std::vector<std::unique_ptr<Recorder>> peers;
  // Puts something between the stream and its Recorder; returns the stream's handler.
  std::function<StreamHandler&(Recorder&, Stream&)> wrap;
  std::function<void(Recorder&)> prepare;
  bool read_at_once = true;
};

inline Address loopback(uint16_t port = 0) { return *Address::parse_ip("127.0.0.1", port); }

inline size_t write_text(Stream& stream, std::string_view text) {
  Slice slice = text;
  return stream.write({&slice, 1});
}

}  // namespace perigee::net
