#include "edge/net/tls_buffers.h"

#include <utility>

namespace perigee::net {

void TlsBuffers::add(Seat& seat, SSL& session) {
  seat.buffers_ = this;
  seat.session_ = &session;
  seat.at_ = seats_.size();
  seats_.push_back(&seat);
  SSL_clear_mode(&session, SSL_MODE_RELEASE_BUFFERS);
  if (!timer_.armed()) arm();
}

void TlsBuffers::remove(Seat& seat) {
  seats_[seat.at_] = seats_.back();
  seats_[seat.at_]->at_ = seat.at_;
  seats_.pop_back();
  seat.buffers_ = nullptr;
}

void TlsBuffers::arm() { loop_.timers().arm(timer_, loop_.now() + period); }

// From the end, since remove() puts the last one, which was looked at already, into the place that is left.
void TlsBuffers::on_timer(Timer&) {
  for (size_t i = seats_.size(); i-- > 0;) {
    Seat& seat = *seats_[i];
    if (std::exchange(seat.used_, false)) continue;
    SSL_set_mode(seat.session_, SSL_MODE_RELEASE_BUFFERS);
    // Not while something is in them; then they go with the next record.
    SSL_free_buffers(seat.session_);
    remove(seat);
  }
  if (!seats_.empty()) arm();
}

}  // namespace perigee::net
