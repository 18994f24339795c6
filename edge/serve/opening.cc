#include "edge/serve/opening.h"

namespace perigee::serve {
namespace {

constexpr std::string_view preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

}  // namespace

Opening::Opening(ConnectionHost& host, net::Stream& stream)
    : host_(host), stream_(&stream), timer_(static_cast<net::TimerHandler&>(*this)) {
  stream_->set_handler(*this);
  stream_->read_start();
  wait_for(host.options.header_timeout);
}

Opening::Opening(ConnectionHost& host, net::TlsAcceptor& tls, net::Stream& below)
    : host_(host), stream_(nullptr), timer_(static_cast<net::TimerHandler&>(*this)) {
  const net::TlsAccepted accepted = tls.accept(below, *this);
  stream_ = &accepted.stream;
  accepted_handler_ = &accepted.handler_of_below;
  wait_for(host.options.header_timeout);
}

void Opening::wait_for(Duration time) { host_.loop.timers().arm(timer_, host_.loop.now() + time); }

void Opening::on_connected() {
  const net::TlsFacts* facts = stream_->tls();
  host_.metrics.add(facts->resumed ? Metric::tls_handshakes_resumed : Metric::tls_handshakes_full);
  host_.opened(*this, *stream_, facts->http2, {});
}

void Opening::on_read(std::string_view bytes) {
  received_.append(bytes);
  const size_t compared = received_.size() < preface.size() ? received_.size() : preface.size();
  const bool may_be = received_.compare(0, compared, preface.substr(0, compared)) == 0;
  if (may_be && received_.size() < preface.size()) return;
  const std::string first = std::move(received_);
  host_.opened(*this, *stream_, may_be, first);
}

void Opening::on_error(net::StreamError error) {
  if (error == net::StreamError::tls_failed) host_.metrics.add(Metric::tls_handshakes_failed);
  close();
}

void Opening::on_timer(net::Timer&) {
  host_.metrics.add(Metric::client_timeouts);
  if (!received_.empty())
    host_.handler.on_refused({stream_->remote_address(), 408, "the first request took too long", {}, {}, {}});
  close();
}

void Opening::close() {
  if (closing_) return;
  closing_ = true;
  timer_.cancel();
  stream_->close();
}

void Opening::on_closed() {
  host_.forget(*this);
  delete this;
}

}  // namespace perigee::serve
