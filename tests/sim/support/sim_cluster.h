// The nodes of a simulation: whole nodes (edge/node.h) on the in-memory Io, each a machine with files of its
// own, that die, come back, stop, and read one topology or another.
//
// Ownership: the simulation's; destroyed before the world. Thread rule: the world's one thread.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "edge/control/memory_log.h"
#include "edge/net/memory_io.h"
#include "edge/node.h"
#include "tests/sim/support/scenario.h"

namespace perigee::sim {

// How the nodes of one cluster are configured; everything but the topology is the same for all.
struct ClusterSettings {
  unsigned workers = 1;
  uint64_t budget_bytes = 16 << 20;
  std::string shield;
  std::string purge_log;  // a node of every membership; empty: none
  uint32_t stale_if_disconnected_s = 0;
  bool short_writes = false;
  bool open_log = false;  // keep lines of every level
  uint32_t slots =
      1024;  // of a region: few, so that tables are ready at once; 0: what the node takes by itself
  std::string more_site;  // further settings of the site
  std::string origin = "10.200.0.1:80";
};

class SimCluster {
 public:
  SimCluster(net::MemoryWorld& world, ClusterSettings settings, std::vector<Membership> memberships);
  ~SimCluster();

  // Starts the machine with the usual topology. Throws std::logic_error when it does not come up.
  void boot(const std::string& name);
  void crash(const std::string& name);
  void pause(const std::string& name);
  void resume(const std::string& name);
  // Writes that topology into the machine's file and has the node read it. False: the node refused, as it
  // does with one that it is not in itself.
  bool read_membership(const std::string& name, size_t number);

  bool is_up(const std::string& name) const;
  // It is up, and not stopped.
  bool runs(const std::string& name) const { return find(name).life != nullptr && !find(name).paused; }
  // When it was started last.
  MonoTime booted(const std::string& name) const { return find(name).booted; }
  // Null while the machine is down.
  Node* node(const std::string& name);
  const NodeSpec& spec(const std::string& name) const;
  net::Address client_address(const std::string& name) const;
  // Did the two go by the same topology, each at some moment of [from, to]?
  bool agreed_within(const std::string& a, const std::string& b, MonoTime from, MonoTime to) const;

  // Did every topology that the node went by in [from, to] have the other one in it?
  bool knew(const std::string& node, const std::string& other, MonoTime from, MonoTime to) const;

  // Every node: drains, and says whether the drain ended.
  void drain();
  size_t drained() const { return drained_; }
  size_t machines_up() const;
  std::vector<std::string> names() const;

  uint64_t metric(const std::string& name, Metric metric) const;
  // Also of the lives that ended.
  uint64_t metric(Metric metric) const;
  // Lines of level error, of all lives of all nodes.
  std::vector<std::string> errors() const;
  net::MemoryIo& io(const std::string& name);

 private:
  struct Life {
    std::unique_ptr<net::MemoryIo> io;
    control::MemoryLog log;
    std::unique_ptr<Node> node;
    net::Loop* control = nullptr;
  };
  struct Reading {
    MonoTime since{};
    size_t membership = 0;
    std::optional<MonoTime> settled = {};  // nobody goes by what was before; not while the machine is paused
  };
  class NoLog;
  struct Machine {
    NodeSpec spec;
    std::unique_ptr<Life> life;  // null while it is down
    std::vector<std::unique_ptr<Life>> past;
    std::vector<Reading> readings;
    std::vector<uint64_t> counted;  // metrics of past lives
    MonoTime booted{};
    bool paused = false;
  };
  Machine& find(const std::string& name);
  const Machine& find(const std::string& name) const;
  std::string node_toml(const NodeSpec& spec) const;
  std::string topology_toml(const Membership& membership) const;
  bool went_by(const Machine& machine, const Membership& membership, MonoTime from, MonoTime to) const;

  net::MemoryWorld& world_;
  const ClusterSettings settings_;
  const std::vector<Membership> memberships_;
  std::unique_ptr<proxy::ExchangeLog> no_log_;
  std::vector<std::unique_ptr<Machine>> machines_;
  size_t drained_ = 0;
};

}  // namespace perigee::sim
