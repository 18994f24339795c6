// The in-memory twin of Io: any number of nodes in one process, on one thread, with a manual clock, a seed
// and faults.
//
// A MemoryWorld is the network, the clock and the seed. It makes one MemoryIo per node and must outlive them.
// Nothing happens but in run_until_idle(), advance() and run_until(), and nothing sleeps: time moves from
// event to event. Whatever several loops or streams could do at the same instant is done in an order drawn
// from the seed, so one seed is one run, to be had again, and another seed another. Bytes of a stream and
// messages from one loop to another stay in order.
//
// Delays, drops, bandwidth and refusals belong to a link: one direction between two nodes, by name. Latency
// is charged to connects (there and back) and to bytes (one way). Links within one node are perfect unless
// set.
//
// It does not model packets, congestion or clock skew between nodes.
//
// Thread rule: one thread for the world and everything in it.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "edge/net/io.h"
#include "edge/net/memory_faults.h"
#include "edge/net/memory_files.h"
#include "edge/net/memory_network.h"
#include "edge/net/memory_scheduler.h"

namespace perigee::net {

class MemoryLoop;
class MemoryWorld;

class MemoryIo final : public Io {
 public:
  MemoryIo(MemoryWorld& world, std::shared_ptr<MemoryNode> node);
  ~MemoryIo() override;

  Loop& add_loop(std::string_view name) override;
  void start() override;
  // From inside one of its own loops it takes effect when that turn ends.
  void stop() override;
  Files& files() override { return files_; }
  BlockMemory* block_memory(uint64_t) override { return nullptr; }
  unsigned cores() const override { return 1; }

  const std::string& node() const { return node_->name; }
  Address ip() const { return node_->ip; }
  StreamShape& shape() { return node_->shape; }
  MemoryFiles& memory_files() { return files_; }
  // All loops together.
  IoCounters counters() const;

 private:
  friend class MemoryWorld;
  void end(bool with_reset);

  MemoryWorld& world_;
  std::shared_ptr<MemoryNode> node_;
  MemoryFiles files_;
  std::vector<std::unique_ptr<MemoryLoop>> loops_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

class MemoryWorld {
 public:
  explicit MemoryWorld(uint64_t seed = 1);
  ~MemoryWorld();
  MemoryWorld(const MemoryWorld&) = delete;
  MemoryWorld& operator=(const MemoryWorld&) = delete;

  // A node. The ip is what its connections come from; by default 10.0.0.1, 10.0.0.2 and so on. It may listen
  // on any address.
  std::unique_ptr<MemoryIo> make_io(std::string_view node, std::string_view ip = {});

  // Runs what is due now until nothing is. Throws std::logic_error when it takes more steps
  // than step_limit: something keeps itself busy without time passing.
  void run_until_idle();
  void set_step_limit(uint64_t steps_per_instant) { step_limit_ = steps_per_instant; }
  // Moves the clock, event by event, and runs everything on the way in order.
  void advance(Duration by);
  // Runs until the predicate, asked before each step, is true; gives up after so much of the world's time.
  // Returns what the predicate says in the end.
  bool run_until(const std::function<bool()>& predicate, Duration limit);

  MonoTime now() const { return scheduler_.now(); }
  WallTime wall_now() const { return scheduler_.wall_now(); }
  void set_wall(WallTime wall) { scheduler_.set_wall(wall); }
  void shift_wall(Duration by);

  // A fingerprint of everything that has happened, in its order, and how many steps that was.
  uint64_t trace_digest() const { return scheduler_.trace_digest(); }
  uint64_t steps() const { return scheduler_.steps(); }

  void set_default_link(const LinkOptions& options) { network_.set_default_link(options); }
  void set_link(const std::string& from, const std::string& to, const LinkOptions& options) {
    network_.set_link(from, to, options);
  }
  LinkOptions link(const std::string& from, const std::string& to) { return network_.link(from, to); }
  // Change one thing of a link and leave the rest.
  void set_delay(const std::string& from, const std::string& to, Duration delay, Duration jitter = {});
  void set_drop(const std::string& from, const std::string& to, bool drop);
  void set_refuse(const std::string& from, const std::string& to, bool refuse);
  void set_bandwidth(const std::string& from, const std::string& to, uint64_t bytes_per_second);
  // Drop both ways, and not any more. What waited sets out then.
  void partition(const std::string& a, const std::string& b);
  void heal(const std::string& a, const std::string& b);
  // Every connection between the two, either way, is reset for both ends.
  void reset_connections(const std::string& a, const std::string& b) { network_.reset_connections(a, b); }
  // A crash: its streams are reset, its listeners gone, its loops over. Handlers get on_closed() so that
  // memory can go. Not from inside one of its loops.
  void stop_node(MemoryIo& io);
  // As if the machine had stopped its process (SIGSTOP): none of its loops takes a turn, while its kernel
  // goes on accepting and receiving what fits into buffers.
  void pause_node(MemoryIo& io);
  void resume_node(MemoryIo& io);

  void add_host(std::string_view name, const std::vector<std::string>& ips,
                Duration ttl = std::chrono::seconds(60));
  // Code "dns_error" or "dns_timeout".
  void fail_host(std::string_view name, std::string_view code);
  void remove_host(std::string_view name);
  void set_resolve_delay(Duration delay) { network_.resolve_delay() = delay; }
  void set_resolve_delay(std::string_view name, Duration delay);

 private:
  friend class MemoryIo;
  void drain_instant(const std::function<bool()>& predicate);

  MemoryScheduler scheduler_;
  MemoryNetwork network_;
  uint32_t next_ip_ = 1;
  uint64_t step_limit_ = 1'000'000;
};

}  // namespace perigee::net
