// A client of bytes: connects on the in-memory network, sends what it is told and keeps what it receives.
//
// Owned by the test. The MemoryWorld moves only when the test says so, hence thread rule: the test's one
// thread.
#pragma once

#include <string>
#include <string_view>
#include <utility>

#include "edge/net/memory_io.h"

namespace perigee::test {

class RawClient final : public net::StreamHandler {
 public:
  RawClient(net::Loop& loop, const net::Address& to) : stream_(&loop.connect(to, *this)) {}
  ~RawClient() {
    if (stream_ != nullptr) stream_->set_handler(orphan());
    if (stream_ != nullptr) stream_->close();
  }
  RawClient(const RawClient&) = delete;
  RawClient& operator=(const RawClient&) = delete;

  // Sent when connected, as the network takes it.
  void send(std::string_view bytes) {
    unsent_.append(bytes);
    if (connected_) write();
  }
  void end() {
    end_wanted_ = true;
    if (connected_) write();
  }
  void pause() {
    paused_ = true;
    if (stream_ != nullptr) stream_->read_stop();
  }
  void resume() {
    paused_ = false;
    if (stream_ != nullptr) stream_->read_start();
  }
  // Reads what has come by once, and no more.
  void sip() {
    sipping_ = true;
    resume();
  }
  void reset() {
    if (stream_ != nullptr) stream_->reset();
  }

  std::string received;
  bool ended = false;   // the server ended its half in order
  bool broken = false;  // reset, or could not connect
  bool closed() const { return stream_ == nullptr; }
  // The answers so far, taken out.
  std::string take() { return std::exchange(received, {}); }
  size_t count(std::string_view what) const {
    size_t found = 0;
    for (size_t at = received.find(what); at != std::string::npos; at = received.find(what, at + 1)) ++found;
    return found;
  }

 private:
  struct Orphan final : net::StreamHandler {
    void on_read(std::string_view) override {}
    void on_end() override {}
    void on_writable() override {}
    void on_error(net::StreamError) override {}
    void on_closed() override { delete this; }
  };
  static net::StreamHandler& orphan() { return *new Orphan; }

  void on_connected() override {
    connected_ = true;
    if (!paused_) stream_->read_start();
    write();
  }
  void on_read(std::string_view bytes) override {
    received.append(bytes);
    if (std::exchange(sipping_, false)) pause();
  }
  void on_end() override {
    ended = true;
    stream_->close();
  }
  void on_writable() override { write(); }
  void on_error(net::StreamError) override {
    broken = true;
    stream_->close();
  }
  void on_closed() override { stream_ = nullptr; }
  void write() {
    if (stream_ == nullptr) return;
    if (!unsent_.empty()) {
      const Slice slice = unsent_;
      unsent_.erase(0, stream_->write({&slice, 1}));
    }
    if (unsent_.empty() && std::exchange(end_wanted_, false)) stream_->shutdown_write();
  }

  net::Stream* stream_;
  std::string unsent_;
  bool connected_ = false;
  bool paused_ = false;
  bool sipping_ = false;
  bool end_wanted_ = false;
};

}  // namespace perigee::test
