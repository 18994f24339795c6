// Io on libuv and the kernel: what a real node runs on.
//
// Every loop is one thread that blocks all signals (but those of its own crashes). With first_loop_in_wait
// the first loop has none and runs on the thread that calls wait(), which is how main() lends itself to the
// control loop.
//
// Thread rule: made, started and destroyed by one owner; request_stop() from any thread. Before start() the
// owner's thread may use the loops (listen, hooks, timers) as if it were theirs.
#pragma once

#include <memory>
#include <string_view>
#include <vector>

#include "edge/net/io.h"
#include "edge/net/uv_options.h"

namespace perigee::net {

class UvIo final : public Io {
 public:
  explicit UvIo(UvIoOptions options = {});
  // Stops first.
  ~UvIo() override;

  Loop& add_loop(std::string_view name) override;
  void start() override;
  // From one of its own loops it only asks, as request_stop() does: a thread cannot wait for itself.
  void stop() override;
  Files& files() override;
  BlockMemory* block_memory(uint64_t bytes) override;
  unsigned cores() const override;

  // Asks every loop to end and returns at once. Any thread, not a signal handler.
  void request_stop();
  // Blocks until somebody has asked to stop, then stops. Runs the first loop meanwhile if the options say so.
  void wait();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

class SignalHandler {
 public:
  virtual void on_signal(int signal) = 0;

 protected:
  ~SignalHandler() = default;
};

// Reports signals on a loop of a UvIo. Destroying it gives the signals back their default meaning.
//
// Thread rule: the loop's thread, or the owner's while the loop does not run.
class SignalWatcher {
 public:
  SignalWatcher(Loop& loop, const std::vector<int>& signals, SignalHandler& handler);
  ~SignalWatcher();
  SignalWatcher(const SignalWatcher&) = delete;
  SignalWatcher& operator=(const SignalWatcher&) = delete;

 private:
  struct Watch;
  std::vector<std::shared_ptr<Watch>> watches_;
};

}  // namespace perigee::net
