#include "edge/proxy/tunnel.h"

#include <string>

#include "edge/http/h1.h"
#include "edge/proxy/worker.h"

namespace perigee::proxy {

namespace {

class TunnelPair;

// One of the two streams, and the bytes waiting to be written to it.
class TunnelEnd final : public net::StreamHandler {
 public:
  TunnelEnd(TunnelPair& pair, net::Stream& stream) : pair_(pair), stream_(&stream) {
    stream.set_handler(*this);
  }

  void set_other(TunnelEnd& other) { other_ = &other; }
  void start() {
    if (!closed_) stream_->read_start();
  }
  void write(std::string_view bytes);
  void end_half();
  void close() {
    if (!closed_) stream_->close();
  }
  bool closed() const { return closed_; }

  void on_read(std::string_view bytes) override;
  void on_end() override;
  void on_writable() override;
  void on_error(net::StreamError error) override;
  void on_closed() override;

 private:
  TunnelPair& pair_;
  TunnelEnd* other_ = nullptr;
  net::Stream* stream_;
  std::string waiting_;
  bool half_ended_ = false;   // nothing more will be written
  bool input_ended_ = false;  // nothing more will be read
  bool other_paused_ = false;
  bool closed_ = false;
};

class TunnelPair final : private net::TimerHandler {
 public:
  TunnelPair(net::Loop& loop, net::Stream& client, net::Stream& upstream)
      : loop_(loop), client_(*this, client), upstream_(*this, upstream) {
    client_.set_other(upstream_);
    upstream_.set_other(client_);
  }

  void start(std::string_view to_client, std::string_view to_upstream) {
    touch();
    client_.write(to_client);
    upstream_.write(to_upstream);
    client_.start();
    upstream_.start();
  }
  void touch() { loop_.timers().arm(idle_, loop_.now() + Tunnel::idle_timeout); }
  void close() {
    client_.close();
    upstream_.close();
  }
  void end_closed() {
    close();
    if (client_.closed() && upstream_.closed()) delete this;
  }

 private:
  ~TunnelPair() = default;
  void on_timer(net::Timer&) override { close(); }

  net::Loop& loop_;
  TunnelEnd client_;
  TunnelEnd upstream_;
  net::Timer idle_{*this};
};

void TunnelEnd::write(std::string_view bytes) {
  if (closed_ || half_ended_) return;
  if (waiting_.empty()) {
    const Slice slice = bytes;
    bytes.remove_prefix(stream_->write({&slice, 1}));
  }
  waiting_.append(bytes);
}

void TunnelEnd::end_half() {
  half_ended_ = true;
  if (!closed_ && waiting_.empty()) stream_->shutdown_write();
}

void TunnelEnd::on_read(std::string_view bytes) {
  pair_.touch();
  other_->write(bytes);
  if (other_->waiting_.size() >= Tunnel::waiting_bytes_max) {
    other_->other_paused_ = true;
    stream_->read_stop();
  }
}

void TunnelEnd::on_end() {
  input_ended_ = true;
  other_->end_half();
  if (half_ended_ && waiting_.empty() && other_->waiting_.empty()) pair_.close();
}

void TunnelEnd::on_writable() {
  pair_.touch();
  const Slice slice = waiting_;
  waiting_.erase(0, stream_->write({&slice, 1}));
  if (!waiting_.empty()) return;
  if (other_paused_) {
    other_paused_ = false;
    other_->start();
  }
  if (!half_ended_) return;
  stream_->shutdown_write();
  if (input_ended_ && other_->half_ended_ && other_->waiting_.empty()) pair_.close();
}

void TunnelEnd::on_error(net::StreamError) { pair_.close(); }

void TunnelEnd::on_closed() {
  closed_ = true;
  pair_.end_closed();
}

}  // namespace

void Tunnel::start(Worker& worker, net::Stream& client, net::Stream& upstream, const http::ResponseHead& head,
                   std::string_view client_unread, std::string_view upstream_unread) {
  std::string lines;
  http::HeadWriter writer(lines);
  writer.status_line(101, head.reason);
  for (const http::Field& field : head.fields) writer.field(field.name, field.value);
  writer.end();
  lines += upstream_unread;
  // The unread bytes live in a receive buffer that the first write may not outlast.
  const std::string to_upstream(client_unread);
  (new TunnelPair(worker.loop(), client, upstream))->start(lines, to_upstream);
}

}  // namespace perigee::proxy
