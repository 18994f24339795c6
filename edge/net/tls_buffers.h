// Which TLS sessions of a loop keep their record buffers from one record to the next.
//
// A session gives its two buffers of 17 KiB back after every record (SSL_MODE_RELEASE_BUFFERS), so that an
// idle connection holds none. With one record in and one out that is a twentieth of what a hit costs.
// Sessions that are used therefore keep theirs: at most seats_max of a loop, 4.3 MiB, each until it was not
// used for a whole period. Who comes when all seats are taken does without.
//
// Thread rule: one loop.
#pragma once

#include <openssl/ssl.h>

#include <chrono>
#include <cstddef>
#include <vector>

#include "edge/net/io.h"
#include "edge/net/timer.h"

namespace perigee::net {

class TlsBuffers final : private TimerHandler {
 public:
  static constexpr size_t seats_max = 128;
  static constexpr Duration period = std::chrono::seconds(1);

  // A session's part in this. Both end in the same call, in whichever order.
  class Seat {
   public:
    Seat() = default;
    ~Seat() {
      if (buffers_ != nullptr) buffers_->remove(*this);
    }
    Seat(const Seat&) = delete;
    Seat& operator=(const Seat&) = delete;

   private:
    friend class TlsBuffers;
    TlsBuffers* buffers_ = nullptr;  // null: it has none
    SSL* session_ = nullptr;
    size_t at_ = 0;
    bool used_ = false;  // in this period
  };

  explicit TlsBuffers(Loop& loop) : loop_(loop) { seats_.reserve(seats_max); }
  TlsBuffers(const TlsBuffers&) = delete;
  TlsBuffers& operator=(const TlsBuffers&) = delete;

  // A record of the session was read.
  void use(Seat& seat, SSL& session) {
    seat.used_ = true;
    if (seat.buffers_ == nullptr && seats_.size() < seats_max) add(seat, session);
  }
  size_t seated() const { return seats_.size(); }

 private:
  void on_timer(Timer& timer) override;
  void add(Seat& seat, SSL& session);
  void remove(Seat& seat);
  void arm();

  Loop& loop_;
  std::vector<Seat*> seats_;
  Timer timer_{*this};
};

}  // namespace perigee::net
