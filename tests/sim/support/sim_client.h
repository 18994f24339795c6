// The clients of one region: send asks over kept and fresh connections, prove every byte of what comes back,
// and hand over the outcome.
//
// Ownership: the simulation's; destroyed before the world. Thread rule: the world's one thread.
#pragma once

#include <functional>
#include <list>
#include <memory>
#include <string>

#include "edge/net/memory_io.h"
#include "tests/sim/support/ask.h"

namespace perigee::sim {

class SimConnection;

class SimClients {
 public:
  // Nobody waits longer than this for the next byte.
  static constexpr Duration patience = std::chrono::seconds(90);

  using Report = std::function<void(Outcome)>;

  // seed: decides about connections and pauses.
  SimClients(net::MemoryWorld& world, const std::string& name, const std::string& ip, uint64_t seed,
             Report report);
  ~SimClients();

  void send(Ask ask, const net::Address& to);
  size_t under_way() const { return under_way_; }
  // Idle connections end.
  void close_idle();
  // Connections that are not closed yet, idle ones too.
  size_t connections() const;
  const std::string& name() const { return io_->node(); }

 private:
  friend class SimConnection;
  void finished(SimConnection& connection, Outcome outcome);
  void closed(SimConnection& connection);

  net::MemoryWorld& world_;
  std::unique_ptr<net::MemoryIo> io_;
  net::Loop& loop_;
  Random random_;
  Report report_;
  std::list<std::unique_ptr<SimConnection>> connections_;
  size_t under_way_ = 0;
};

}  // namespace perigee::sim
