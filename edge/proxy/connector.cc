#include "edge/proxy/connector.h"

#include <utility>

namespace perigee::proxy {

// Belongs to itself: it outlives the Connector when its stream still has to close.
class Connector::Attempt final : public net::StreamHandler {
 public:
  Attempt(Connector& owner, net::Loop& loop, const net::Address& address)
      : owner_(&owner), address_(address), stream_(&loop.connect(address, *this)) {
    if (!owner.tls_) return;
    const ConnectTls& tls = *owner.tls_;
    // Servers of one name need not know each other's keys.
    stream_ = &tls.factory->connect(*stream_, tls.context, tls.name,
                                    tls.resume_key + " " + address.to_string(), *this);
  }

  void abandon() {
    owner_ = nullptr;
    stream_->close();
  }
  net::Stream& take_stream() {
    net::Stream& stream = *stream_;
    delete this;
    return stream;
  }
  const net::Address& address() const { return address_; }

  void on_connected() override {
    if (owner_ != nullptr) owner_->connected(*this);
  }
  void on_read(std::string_view) override {}
  void on_end() override { stream_->close(); }
  void on_writable() override {}
  void on_error(net::StreamError error) override {
    Connector* owner = std::exchange(owner_, nullptr);
    stream_->close();
    if (owner != nullptr) owner->attempt_failed(*this, error);
  }
  void on_closed() override {
    Connector* owner = std::exchange(owner_, nullptr);
    if (owner != nullptr) owner->attempt_failed(*this, net::StreamError::other);
    delete this;
  }

 private:
  ~Attempt() = default;

  Connector* owner_;
  net::Address address_;
  net::Stream* stream_;
};

Connector::Connector(net::Loop& loop, std::vector<net::Address> addresses, Duration timeout,
                     ConnectHandler& handler, std::optional<ConnectTls> tls)
    : loop_(loop), addresses_(std::move(addresses)), handler_(handler), tls_(std::move(tls)) {
  loop_.timers().arm(timeout_timer_, loop_.now() + timeout);
  try_next();
}

Connector::~Connector() {
  for (Attempt* attempt : attempts_) attempt->abandon();
}

void Connector::try_next() {
  attempts_.push_back(new Attempt(*this, loop_, addresses_[next_++]));
  if (next_ < addresses_.size()) loop_.timers().arm(next_timer_, loop_.now() + attempt_delay);
}

void Connector::on_timer(net::Timer& timer) {
  if (&timer == &next_timer_) return try_next();
  finish({nullptr, addresses_.front(), net::StreamError::timed_out});
}

void Connector::connected(Attempt& attempt) {
  std::erase(attempts_, &attempt);
  const net::Address address = attempt.address();
  finish({&attempt.take_stream(), address, net::StreamError::none});
}

void Connector::attempt_failed(Attempt& attempt, net::StreamError error) {
  std::erase(attempts_, &attempt);
  last_error_ = error;
  if (next_ < addresses_.size()) {
    next_timer_.cancel();
    return try_next();
  }
  if (attempts_.empty()) finish({nullptr, addresses_.front(), last_error_});
}

void Connector::finish(const ConnectOutcome& outcome) {
  timeout_timer_.cancel();
  next_timer_.cancel();
  for (Attempt* attempt : std::exchange(attempts_, {})) attempt->abandon();
  handler_.on_connect(outcome);
}

}  // namespace perigee::proxy
