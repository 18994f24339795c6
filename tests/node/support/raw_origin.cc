#include "tests/node/support/raw_origin.h"

#include <algorithm>

namespace perigee::test {

// Belongs to itself until its stream is closed.
class RawOrigin::Connection final : public net::StreamHandler {
 public:
  Connection(RawOrigin& origin, net::Stream& stream, size_t number)
      : origin_(origin), stream_(stream), number_(number) {
    stream_.set_handler(*this);
    stream_.read_start();
  }

  void on_read(std::string_view bytes) override {
    origin_.received_[number_].append(bytes);
    if (echo_) return write(bytes);
    head_.append(bytes);
    for (size_t end = head_.find("\r\n\r\n"); end != std::string::npos; end = head_.find("\r\n\r\n")) {
      head_.erase(0, end + 4);
      answer();
    }
  }
  void on_end() override { stream_.close(); }
  void on_writable() override { write({}); }
  void on_error(net::StreamError) override { stream_.close(); }
  void on_closed() override {
    origin_.alive_[number_] = nullptr;
    delete this;
  }
  void say(std::string_view bytes) { write(bytes); }

 private:
  void answer() {
    const size_t turn = origin_.requests_++;
    const Line& line = origin_.lines_[std::min(turn, origin_.lines_.size() - 1)];
    echo_ = origin_.echo_;
    write(line.bytes);
    if (line.after == After::end) stream_.close();
    if (line.after == After::reset) stream_.reset();
  }
  void write(std::string_view bytes) {
    out_.append(bytes);
    const Slice slice = out_;
    out_.erase(0, stream_.write({&slice, 1}));
  }

  RawOrigin& origin_;
  net::Stream& stream_;
  const size_t number_;
  std::string head_;
  std::string out_;
  bool echo_ = false;
};

RawOrigin::RawOrigin(net::MemoryWorld& world, std::string_view name, const net::Address& at)
    : io_(world.make_io(name, at.ip())) {
  net::ListenOptions options;
  options.address = at;
  net::AcceptHandler& handler = *this;
  listener_ = io_->add_loop("raw").listen(options, handler).value();
  io_->start();
}

RawOrigin::~RawOrigin() {
  listener_.reset();
  io_->stop();
}

void RawOrigin::say(size_t connection, std::string_view bytes) {
  if (alive_.at(connection) != nullptr) alive_[connection]->say(bytes);
}

net::StreamHandler& RawOrigin::on_accept(net::Listener&, net::Stream& stream) {
  received_.emplace_back();
  alive_.push_back(new Connection(*this, stream, received_.size() - 1));
  return *alive_.back();
}

}  // namespace perigee::test
