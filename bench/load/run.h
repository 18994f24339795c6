// One run: the clients, what they ask and when they stop.
//
// Ownership: main owns the Run; the Run owns clients, tally and the epoll descriptor.
// Thread rule: one thread; run() returns when the run is over.
#pragma once

#include <sys/epoll.h>

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "bench/load/body_check.h"
#include "bench/load/client.h"
#include "bench/load/idle_clients.h"
#include "bench/load/options.h"
#include "bench/load/schedule.h"
#include "bench/load/tally.h"

namespace perigee::load {

class Run final : private Driver {
 public:
  // schedule: what is asked when the options say so; outlives the run.
  Run(const Options& options, const Schedule& schedule);
  ~Run();
  Run(const Run&) = delete;
  Run& operator=(const Run&) = delete;

  // Until every request has its outcome. Errors: side internal, code "io", when the kernel refuses a
  // descriptor.
  Result<void> run();

  const Tally& tally() const { return tally_; }
  double seconds() const { return static_cast<double>(ended_at_ - started_at_) * 1e-9; }
  std::string json() const { return tally_.json(started_at_, ended_at_); }

 private:
  bool next_request(Client& client, std::string& out, Request& request) override;
  void on_connected(Client& client) override;
  void on_body_bytes(uint64_t bytes) override { tally_.count_bytes(bytes); }
  void on_outcome(Client& client, const Outcome& outcome) override;
  void on_closed(Client& client, bool refused) override;
  BodyCheck& body_check() override { return body_check_; }

  ClientOptions client_options(size_t index) const;
  void append_request(std::string& out, uint64_t number) const;
  bool watch_signals();
  void wait_and_dispatch();
  // In a herd those who await their first byte come first, and leave the others little: this program's own
  // turns must not be what is measured.
  void dispatch(std::span<epoll_event> events);
  void on_signal();
  void tick(int64_t now);
  void start_herd();
  void count_refused(const Client& client);
  void reconnect_due(int64_t now);
  bool stopping(int64_t now) const;
  // Open loop: when a request is due, on the clock of the run; false when there is none any more.
  bool due_at(uint64_t number, int64_t& at) const;
  void ask_what_is_due(int64_t now);
  void show_progress(int64_t now);
  bool over(int64_t now) const;

  const Options& options_;
  Tally tally_;
  BodyCheck body_check_;
  int epoll_ = -1;
  int signals_ = -1;
  bool stopped_ = false;
  bool announced_ = false;
  bool herd_started_ = false;
  uint64_t readers_had_ = 0;  // herd: turns of those who read on
  std::string host_;
  std::string constant_request_;  // when every request is the same
  uint64_t issued_ = 0;
  size_t settled_ = 0;  // herd: clients that stand, or never will
  int64_t started_at_ = 0;
  int64_t ended_at_ = 0;
  int64_t ticked_at_ = 0;
  std::vector<std::unique_ptr<Client>> clients_;
  struct Due {
    size_t client;
    int64_t at;
  };
  std::vector<Due> reconnects_;
  std::vector<bool> herd_asked_;
  const Schedule& schedule_;
  IdleClients idle_;      // open loop: clients with room for a request
  bool granted_ = false;  // open loop: the client that is asked now takes one, which is due
  const bool shows_progress_;
  int64_t shown_at_ = 0;
  uint64_t shown_requests_ = 0;
};

}  // namespace perigee::load
