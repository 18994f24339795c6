// One loop on libuv. Internal to edge/net: others know it as Loop.
//
// A wake-up runs from one return of epoll_wait to the next call of it. In libuv's order that is: socket
// events and messages (poll), closed handles, timers, deferred calls (idle), and then the prepare phase,
// where what was read and still waits is handed out (UvReads) and the turn hooks run. So whatever woke the
// loop, the hooks run once after all of it and right before it may block, and the clocks, sampled when first
// asked for, are sampled once.
//
// Sockets are descriptors of ours that libuv only watches (uv_poll_t), so one read and one write make a
// request.
//
// Owned by its UvIo. Owns its streams until their on_closed() has returned.
//
// Thread rule: the thread that is in run(); before run(), the owner's. post() and request_stop(): any thread.
#pragma once

#include <uv.h>

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "edge/net/io.h"
#include "edge/net/page_pipe.h"
#include "edge/net/turn_hooks.h"
#include "edge/net/uv_options.h"
#include "edge/net/uv_reads.h"

namespace perigee::net {

class PageFile;
class UvAcceptor;
class UvResolver;
class UvStream;

// Something that must be done from the loop and not from inside the call that asked for it. At most once per
// defer().
class UvDeferred {
 public:
  virtual ~UvDeferred() = default;
  virtual void run_deferred() = 0;
  bool is_deferred() const { return deferred_; }

 private:
  friend class UvLoop;
  bool deferred_ = false;
};

// What a thread has done so far.
struct ThreadUse {
  Duration cpu{};
  int64_t waits = 0;  // how often it gave its processor away: for a lock, a disk
};

// Was a loop held in a turn that took so long? Not when other threads had its processor all the while.
bool held_loop(Duration took, const ThreadUse& before, const ThreadUse& after);

class UvLoop final : public Loop {
 public:
  // pages: what the Io has for large bodies, if anything; looked up with each write.
  UvLoop(std::string_view name, uint64_t seed, const UvIoOptions& options,
         const std::unique_ptr<PageFile>& pages);
  ~UvLoop() override;

  const std::string& name() const override { return name_; }
  MonoTime now() const override;
  WallTime wall_now() const override;
  void post(std::unique_ptr<Task> task) override;
  TimerWheel& timers() override { return timers_; }
  Random& random() override { return random_; }
  IoCounters& counters() override { return counters_; }
  uint64_t turns_long() const override { return turns_long_.load(std::memory_order_relaxed); }
  void add_turn_hook(TurnHook& hook) override { hooks_.add(hook); }
  void remove_turn_hook(TurnHook& hook) override { hooks_.remove(hook); }
  Result<std::unique_ptr<Listener>> listen(const ListenOptions& options, AcceptHandler& handler) override;
  Stream& connect(const Address& to, StreamHandler& handler) override;
  std::unique_ptr<ResolveRequest> resolve(std::string_view host, uint16_t port,
                                          ResolveHandler& handler) override;

  // Runs until request_stop(), then shuts down.
  void run();
  void request_stop();
  bool on_own_thread() const { return thread_.load(std::memory_order_relaxed) == std::this_thread::get_id(); }
  // Closes all that is open and delivers every on_closed(). Idempotent; for a loop that never ran, the owner
  // calls it.
  void shut_down();

  uv_loop_t* uv() { return &loop_; }
  const PageFile* pages() const { return pages_.get(); }
  PagePipe& page_pipe() { return page_pipe_; }
  UvReads& reads() { return reads_; }
  // Hands out what was read and waits (UvReads).
  void hand_out_reads();
  bool stopping() const { return stopping_; }

  void defer(UvDeferred& call);
  void undefer(UvDeferred& call);
  void adopt(std::weak_ptr<UvAcceptor> acceptor);
  void adopt(UvStream& stream);
  void forget(UvStream& stream);
  // Called once, in shut_down(), after the streams are gone: the place to close further libuv handles.
  void at_shut_down(std::function<void()> action) { shut_down_actions_.push_back(std::move(action)); }

  // Gives up the descriptor kept for this, takes one connection from the queue and closes it. False when that
  // did not help.
  bool shed_connection(int listening_fd);

 private:
  void on_wakeup();
  void on_prepare();
  void run_tasks();
  void run_deferred();
  void set_timer();
  void on_due();
  void measure_turn();
  bool was_long() const;
  void sample_clocks() const;
  void close_streams();
  void close_handles();

  std::string name_;
  UvIoOptions options_;
  const std::unique_ptr<PageFile>& pages_;
  PagePipe page_pipe_;
  uv_loop_t loop_;
  uv_async_t async_;
  uv_prepare_t prepare_;
  uv_idle_t idle_;
  uv_timer_t timer_;
  bool timer_set_ = false;
  uint64_t timer_due_ms_ = 0;
  uint64_t arms_seen_ = 0;

  mutable bool clocks_sampled_ = false;
  bool measured_ = false;  // messages or timers run in this turn
  ThreadUse use_before_;   // of those
  std::atomic<uint64_t> turns_long_{0};
  mutable MonoTime now_{};
  mutable WallTime wall_now_{};

  TimerWheel timers_;
  Random random_;
  IoCounters counters_;
  TurnHooks hooks_;
  UvReads reads_;
  std::vector<UvStream*> streams_;
  std::vector<std::function<void()>> shut_down_actions_;
  std::vector<std::weak_ptr<UvAcceptor>> acceptors_;
  std::vector<UvDeferred*> deferred_;
  std::unique_ptr<UvResolver> resolver_;
  int reserve_fd_ = -1;

  std::atomic<std::thread::id> thread_{};
  std::atomic<bool> stop_requested_ = false;
  bool stopping_ = false;
  bool shut_ = false;

  std::mutex inbox_mutex_;  // guards the two below, and async_ against its end
  std::vector<std::unique_ptr<Task>> inbox_;
  bool inbox_closed_ = false;
};

}  // namespace perigee::net
