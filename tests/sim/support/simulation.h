// One simulation: a cluster, an origin, clients and faults of one scenario on one network with one clock, run
// from beginning to end. The same scenario is the same run, event by event.
//
// Ownership: owns everything in it. Thread rule: one thread; several simulations may exist, each on its own.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "edge/net/memory_io.h"
#include "tests/sim/support/invariants.h"
#include "tests/sim/support/purges.h"
#include "tests/sim/support/sim_client.h"
#include "tests/sim/support/sim_cluster.h"
#include "tests/sim/support/sim_origin.h"

namespace perigee::sim {

struct Figures {
  uint64_t asks = 0;
  uint64_t complete = 0;
  uint64_t hits = 0;        // the node asked, or the owner it asked, had it stored
  uint64_t own_errors = 0;  // 5xx that the origin did not send
  uint64_t cut = 0;         // and whatever else ended without an answer
  uint64_t body_bytes = 0;
  uint64_t origin_requests = 0;
  uint64_t ejections = 0;
  uint64_t purges = 0;
  uint64_t receipts = 0;  // of purges
  uint64_t steps = 0;
  std::map<std::string, uint64_t> by_end;
};

struct RunResult {
  std::vector<Violation> violations;
  uint64_t trace = 0;  // of every event and every answer, in their order
  Figures figures;
};

class Simulation {
 public:
  // say: gets a line for everything that happens, if it is set.
  using Say = std::function<void(const std::string&)>;

  explicit Simulation(const Scenario& scenario, Say say = {});
  ~Simulation();

  RunResult run();

 private:
  void set_links();
  net::LinkOptions base_link(const std::string& from, const std::string& to) const;
  std::string region_of(const std::string& machine) const;
  void apply_faults();
  void begin_fault(const Fault& fault);
  void end_fault(const Fault& fault);
  void set_link(const std::string& from, const std::string& to);
  void set_mood();
  bool is_gone(const std::string& node) const;

  static Duration draw_gap(Random& random, double per_second);
  void schedule(MonoTime at, std::function<void()> action);
  void schedule_faults();
  void schedule_versions(uint32_t resource);
  void schedule_traffic();
  void schedule_purges();
  void send_purge();
  void purged(size_t purge, int status, const std::string& json);
  void run_pending(MonoTime until);
  void send(Ask ask);
  Ask draw_ask();
  void draw_extras(Ask& ask);
  std::string draw_range(const Resource& resource);
  void heard(Outcome outcome);
  void come_to_rest();
  size_t fills_in_flight() const;
  Duration farewell() const;
  void check_rest();
  void say(const std::string& text) const;

  const Scenario& scenario_;
  const Say say_;
  net::MemoryWorld world_;
  const MonoTime start_;
  Random random_;
  Truth truth_;
  Trouble trouble_;
  Purges purges_;
  Random purge_random_;
  std::unique_ptr<SimOrigin> origin_;
  std::unique_ptr<SimCluster> cluster_;
  std::map<std::string, std::unique_ptr<SimClients>> clients_;  // by region
  std::unique_ptr<Invariants> invariants_;
  std::multimap<MonoTime, std::function<void()>> pending_;
  std::vector<const Fault*> active_;
  Zipf zipf_;
  std::map<std::pair<uint32_t, unsigned>, uint64_t>
      seen_;  // the last version clients had, by resource and language
  uint64_t next_ask_ = 1;
  MonoTime traffic_ends_{};
  Figures figures_;
  uint64_t answers_digest_ = 0;
};

}  // namespace perigee::sim
