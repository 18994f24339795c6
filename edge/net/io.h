// Io: everything through which a node touches the world. Two implementations: libuv (uv_io.h) and an
// in-memory twin with a manual clock and injected faults (memory_io.h). A node is given an Io and knows no
// other.
//
// Loops and threads come only from Io. With libuv every loop is one thread. The in-memory twin runs all loops
// of all nodes on the caller's thread, in an order drawn from a seed.
//
// Thread rule: unless a line says otherwise, a Loop is used on its own thread only. post() may be called from
// any thread.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "edge/base/block_memory.h"
#include "edge/base/clock.h"
#include "edge/base/random.h"
#include "edge/base/result.h"
#include "edge/base/waker.h"
#include "edge/net/address.h"
#include "edge/net/files.h"
#include "edge/net/stream.h"
#include "edge/net/timer.h"

namespace perigee::net {

// A message to a loop. run() is called once on the loop's thread; messages that the loop never gets to (it
// stopped) are destroyed without run().
class Task {
 public:
  virtual ~Task() = default;
  virtual void run() = 0;
};

// Called at the end of each wake-up of a loop, after all of its events: the place to flush what was batched
// and to announce an epoch. Also called once when the loop starts and once before it parks for good.
class TurnHook {
 public:
  virtual void on_turn_end() = 0;

 protected:
  ~TurnHook() = default;
};

// Called when what several streams had to read has been handed out in a row (Loop::handing_out_reads()).
class ReadsHook {
 public:
  virtual void on_reads_handed_out() = 0;

 protected:
  ~ReadsHook() = default;
};

// What stands between streams and their handlers, and has held something back while the loop handed out
// reads: the last part of that is to hand it out, before reads hooks hear that it is over.
class HeldReads {
 public:
  virtual void hand_out_held() = 0;

 protected:
  ~HeldReads() = default;
};

struct Resolved {
  std::vector<Address>
      addresses;   // in the order to try (RFC 6724 as far as the resolver knows); never empty on success
  Duration ttl{};  // how long the answer may be used
};

class ResolveHandler {
 public:
  // Errors: side upstream, code "dns_error" or "dns_timeout".
  virtual void on_resolved(Result<Resolved> result) = 0;

 protected:
  ~ResolveHandler() = default;
};

// A look-up under way. Destroying it cancels: on_resolved() will not come.
class ResolveRequest {
 public:
  virtual ~ResolveRequest() = default;
};

// Messages and timers are what control does to a loop: none of it is to hold the loop for so long.
inline constexpr Duration turn_long = std::chrono::milliseconds(1);

// What a loop has done to the world, for tests and benchmarks that count rather than time.
struct IoCounters {
  uint64_t reads = 0;   // read system calls
  uint64_t writes = 0;  // write system calls
  uint64_t accepts = 0;
  uint64_t accepts_shed = 0;  // closed at once: no descriptor was left
  uint64_t connects = 0;
  uint64_t wakeups = 0;
  uint64_t bytes_read = 0;
  uint64_t bytes_written = 0;
};

// A loop reads from a few streams before it hands out what it has read, and what is answered in between may
// leave when all of it is handed out: the kernel's code and ours displace each other from the caches once for
// a few requests, not with each.
class Loop {
 public:
  virtual ~Loop() = default;

  virtual const std::string& name() const = 0;

  // Sampled once per wake-up; the same for everything that happens in it.
  virtual MonoTime now() const = 0;
  virtual WallTime wall_now() const = 0;

  // Runs a message on this loop. Any thread. Messages from one thread run in order.
  virtual void post(std::unique_ptr<Task> task) = 0;

  virtual TimerWheel& timers() = 0;
  virtual Random& random() = 0;
  virtual IoCounters& counters() = 0;
  // Turns in which messages or timers ran and which took turn_long or more, of work or of waiting for a lock
  // or a disk; those in which the machine was busy with others are not counted. Any thread. The in-memory
  // twin, whose turns take no time, has none.
  virtual uint64_t turns_long() const = 0;
  virtual void add_turn_hook(TurnHook& hook) = 0;
  virtual void remove_turn_hook(TurnHook& hook) = 0;

  // Whether streams are being read from in a row; the reads hooks run when that is over. Outside of it, who
  // has something to write writes it.
  bool handing_out_reads() const { return handing_out_reads_; }
  // Whether what is read may be held back; who begins to says so, once for each row.
  bool may_hold_reads() const { return handing_out_reads_ && !handing_out_held_; }
  void hold_reads(HeldReads& held) { held_.push_back(&held); }
  void forget_held(HeldReads& held) { std::erase(held_, &held); }
  // Neither of the two from inside a reads hook or an on_read().
  void add_reads_hook(ReadsHook& hook) { reads_hooks_.push_back(&hook); }
  void remove_reads_hook(ReadsHook& hook) { std::erase(reads_hooks_, &hook); }

  // Errors: side internal, code "listen_failed"; the context holds address and reason.
  virtual Result<std::unique_ptr<Listener>> listen(const ListenOptions& options, AcceptHandler& handler) = 0;
  // Never fails at once: a failure comes as on_error() from the loop. Timeouts are the caller's.
  virtual Stream& connect(const Address& to, StreamHandler& handler) = 0;
  // Looks a name up (A and AAAA). An IP literal resolves to itself. on_resolved() comes from the loop, never
  // from inside this call.
  virtual std::unique_ptr<ResolveRequest> resolve(std::string_view host, uint16_t port,
                                                  ResolveHandler& handler) = 0;

 protected:
  void begin_handing_out() { handing_out_reads_ = true; }
  void end_handing_out() {
    if (!handing_out_reads_) return;
    handing_out_held_ = true;
    for (HeldReads* held : held_) held->hand_out_held();
    held_.clear();
    handing_out_reads_ = handing_out_held_ = false;
    for (ReadsHook* hook : reads_hooks_) hook->on_reads_handed_out();
  }

 private:
  std::vector<ReadsHook*> reads_hooks_;
  std::vector<HeldReads*> held_;
  bool handing_out_reads_ = false;
  bool handing_out_held_ = false;
};

class Io {
 public:
  virtual ~Io() = default;

  // Loops live until the Io goes. Call before start(), from the thread that owns the Io.
  virtual Loop& add_loop(std::string_view name) = 0;
  // Every loop begins to run; what was posted before runs first.
  virtual void start() = 0;
  // Asks every loop to end after its current turn and waits for their threads. Streams still open are closed
  // (handlers get on_closed()). Idempotent.
  virtual void stop() = 0;

  virtual Files& files() = 0;
  // Memory for so many bytes of large bodies, from which streams of this Io write without copying. Lives as
  // long as the Io, which has one: the first who asks says how large, before start(). Null when there is
  // none.
  virtual BlockMemory* block_memory(uint64_t bytes) = 0;
  // How many loops can run at once, at least 1.
  virtual unsigned cores() const = 0;
};

// A Task from a callable, for the control path; the data path writes its own Task types.
template <typename F>
std::unique_ptr<Task> make_task(F f) {
  struct Callable final : Task {
    explicit Callable(F f) : f_(std::move(f)) {}
    void run() override { f_(); }
    F f_;
  };
  return std::make_unique<Callable>(std::move(f));
}

}  // namespace perigee::net
