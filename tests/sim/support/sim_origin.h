// The origin of a simulation: serves a catalogue with tags, ranges and variants, raises a version with every
// unsafe request, misbehaves as it is told, and writes what happened into the Truth.
//
// Ownership: the simulation's; it outlives no world. Thread rule: the world's one thread.
#pragma once

#include <memory>
#include <string_view>

#include "edge/net/memory_io.h"
#include "edge/serve/server.h"
#include "tests/sim/support/truth.h"

namespace perigee::sim {

// Where every simulation has its origin, at port 80.
inline constexpr std::string_view origin_ip = "10.200.0.1";

// How the origin behaves now. A request keeps what it drew when it came.
struct OriginMood {
  Duration latency{};             // before the head
  Duration latency_spread{};      // up to so much more
  uint64_t bytes_per_second = 0;  // of a body; 0: at once
  double error_share = 0;         // answered 500, 502, 503 or 504
  double silent_share = 0;        // never answered
  double cut_share = 0;           // cut off somewhere in the body
};

class SimOrigin final : private serve::Handler {
 public:
  static constexpr std::string_view node = "origin";

  SimOrigin(net::MemoryWorld& world, const net::Address& at, Truth& truth, uint64_t seed);
  ~SimOrigin();

  void set_mood(const OriginMood& mood) { mood_ = mood; }
  net::MemoryIo& io() { return *io_; }
  size_t under_way() const { return under_way_; }
  size_t connections() const { return server_->connections(); }

 private:
  friend class SimOriginAnswer;
  void on_request(serve::ServerExchange& exchange) override;

  net::MemoryWorld& world_;
  Truth& truth_;
  Random random_;
  OriginMood mood_;
  std::unique_ptr<net::MemoryIo> io_;
  MetricShard metrics_;
  std::unique_ptr<serve::Server> server_;
  size_t under_way_ = 0;
};

}  // namespace perigee::sim
