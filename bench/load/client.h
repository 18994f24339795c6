// One client: a connection, the requests in flight on it, and how fast it reads.
//
// Ownership: a Run owns its clients and is their Driver; a client owns its socket.
// Thread rule: one thread.
//
// Always true: each request that was taken from the driver is handed back as exactly one Outcome.
// It does not decide what to ask or when to end; the driver does.
#pragma once

#include <netinet/in.h>

#include <cstdint>
#include <deque>
#include <string>
#include <string_view>

#include "bench/load/body_check.h"
#include "bench/load/outcome.h"
#include "bench/load/response_reader.h"

namespace perigee::load {

int64_t monotonic_ns();

class Client;

class Driver {
 public:
  struct Request {
    uint64_t number = 0;
    std::string expected_id;
    int64_t due_at = 0;  // zero: now
  };

  // Appends the next request to out; false when this client has nothing to ask (now or ever).
  virtual bool next_request(Client& client, std::string& out, Request& request) = 0;
  virtual void on_connected(Client& client) = 0;
  virtual void on_body_bytes(uint64_t bytes) = 0;
  virtual void on_outcome(Client& client, const Outcome& outcome) = 0;
  // The connection is gone and nothing is in flight any more. A connection that never stood, and was never
  // asked for anything, says so by refused.
  virtual void on_closed(Client& client, bool refused) = 0;
  virtual BodyCheck& body_check() = 0;

 protected:
  ~Driver() = default;
};

struct ClientOptions {
  sockaddr_in target{};
  size_t index = 0;
  size_t pipeline = 1;
  uint64_t rate = 0;         // body and head bytes per second; zero: as fast as it can
  uint64_t leave_after = 0;  // body bytes after which it hangs up; zero: never
  bool head_requests = false;
  bool verify = false;
  bool reconnect = false;
  bool herd = false;  // one of many that ask at once
  int64_t timeout_ns = 0;
};

class Client {
 public:
  Client(Driver& driver, int epoll, const ClientOptions& options)
      : driver_(driver), epoll_(epoll), options_(options) {}
  ~Client();
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  void connect();
  // Takes requests from the driver until as many are in flight as may be.
  void ask();
  void on_events(uint32_t events);
  // Called every few milliseconds: refills the reading allowance and looks for time-outs.
  void on_tick(int64_t now);
  // Ends the connection now; what is in flight ends as given.
  void close(Ending ending);

  size_t index() const { return options_.index; }
  bool is_open() const { return socket_ >= 0; }
  bool is_idle() const { return in_flight_.empty(); }
  // Of the answer that it waits for no byte of the body has come.
  bool awaits_first_byte() const { return !in_flight_.empty() && outcome_.first_body_at == 0; }

 private:
  struct InFlight {
    Driver::Request request;
    int64_t sent_at = 0;
  };

  void on_connect_result();
  void flush();
  void read();
  bool take(std::string_view bytes);
  void on_answer_to_nothing();
  void begin_response();
  void take_body(std::string_view bytes);
  void finish_front(Ending ending);
  void on_end_of_stream(bool reset);
  void watch();

  Driver& driver_;
  const int epoll_;
  const ClientOptions options_;
  int socket_ = -1;
  bool connecting_ = false;
  bool paused_ = false;
  bool registered_ = false;  // with epoll, for the events in watched_
  uint32_t watched_ = 0;
  std::string unsent_;
  std::deque<InFlight> in_flight_;
  ResponseReader reader_;
  Outcome outcome_;  // of the response being read
  BodyCheck::Progress progress_;
  int64_t last_byte_at_ = 0;
  int64_t allowance_ = 0;  // bytes that may be read now, when rate is set
  int64_t refilled_at_ = 0;
};

}  // namespace perigee::load
