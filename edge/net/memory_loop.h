// One loop of the in-memory twin. It has no thread: the scheduler calls turn() when it is this loop's turn.
//
// A turn is one wake-up: posted messages, ready sources (streams, accept queues, look-ups) in an order drawn
// from the seed and sometimes not all of them, due timers before or after, then the turn hooks. Before
// start() only the owner touches the loop.
//
// Owned by its MemoryIo. Owns its streams until their on_closed() has returned.
//
// Thread rule: the world's one thread.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "edge/net/io.h"
#include "edge/net/memory_network.h"
#include "edge/net/memory_scheduler.h"
#include "edge/net/turn_hooks.h"

namespace perigee::net {

class MemoryStream;
class MemoryAcceptQueue;

// Something a loop looks at when it has been marked ready.
class MemorySource {
 public:
  virtual ~MemorySource() = default;
  virtual void run_ready() = 0;

 private:
  friend class MemoryLoop;
  bool marked_ = false;
  uint64_t number_ = 0;  // for the trace; given when first marked
};

class MemoryLoop final : public Loop {
 public:
  MemoryLoop(MemoryScheduler& scheduler, MemoryNetwork& network, std::shared_ptr<MemoryNode> node,
             std::string_view name);
  ~MemoryLoop() override;

  const std::string& name() const override { return name_; }
  MonoTime now() const override { return scheduler_.now(); }
  WallTime wall_now() const override { return scheduler_.wall_now(); }
  void post(std::unique_ptr<Task> task) override;
  TimerWheel& timers() override { return timers_; }
  Random& random() override { return random_; }
  IoCounters& counters() override { return counters_; }
  uint64_t turns_long() const override { return 0; }
  void add_turn_hook(TurnHook& hook) override { hooks_.add(hook); }
  void remove_turn_hook(TurnHook& hook) override { hooks_.remove(hook); }
  Result<std::unique_ptr<Listener>> listen(const ListenOptions& options, AcceptHandler& handler) override;
  Stream& connect(const Address& to, StreamHandler& handler) override;
  std::unique_ptr<ResolveRequest> resolve(std::string_view host, uint16_t port,
                                          ResolveHandler& handler) override;

  void start() { started_ = true; }
  // A paused loop takes no turn; what happens to it meanwhile waits.
  void set_paused(bool paused) { paused_ = paused; }
  bool runnable() const;
  // Of its timers, if that is before `limit`; nullopt: it is not.
  std::optional<MonoTime> deadline_before(MonoTime limit) const;
  void turn();
  bool in_turn() const { return in_turn_; }
  // Closes (or resets) every stream and listener, delivers every on_closed(), runs the hooks for the last
  // time.
  void shut_down(bool with_reset);

  void mark_ready(std::shared_ptr<MemorySource> source);
  void adopt(std::shared_ptr<MemoryStream> stream);
  void forget(const MemoryStream& stream);
  void adopt(const std::shared_ptr<MemoryAcceptQueue>& queue);
  // on_read() comes now, and who answers may wait for those that are read from after it, in this turn.
  void hand_out_reads() { begin_handing_out(); }
  // Where on_read() bytes sit; overwritten after each call, so that a view kept too long is noticed.
  std::vector<char>& receive_buffer() { return receive_buffer_; }
  MemoryScheduler& scheduler() { return scheduler_; }
  MemoryNetwork& network() { return network_; }
  const std::shared_ptr<MemoryNode>& node() const { return node_; }

 private:
  bool quiet_at(MonoTime time) const;
  void run_tasks();
  void run_sources();
  void close_everything(bool with_reset);

  MemoryScheduler& scheduler_;
  MemoryNetwork& network_;
  std::shared_ptr<MemoryNode> node_;
  std::string name_;
  uint64_t number_;
  Random random_;
  TimerWheel timers_;
  // The scheduler asks every loop at every step. Until a timer is armed again none is due before this.
  mutable MonoTime quiet_until_ = MonoTime::min();
  mutable uint64_t quiet_since_arms_ = 0;
  IoCounters counters_;
  TurnHooks hooks_;
  std::vector<char> receive_buffer_;
  std::vector<std::unique_ptr<Task>> tasks_;
  std::vector<std::shared_ptr<MemorySource>> ready_;
  std::map<uint64_t, std::shared_ptr<MemoryStream>> streams_;
  std::vector<std::weak_ptr<MemoryAcceptQueue>> queues_;
  uint64_t next_stream_ = 0;
  uint64_t next_source_ = 0;
  bool started_ = false;
  bool paused_ = false;
  bool turned_ = false;
  bool in_turn_ = false;
  bool stopping_ = false;
  bool ended_ = false;
};

}  // namespace perigee::net
