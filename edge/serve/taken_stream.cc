#include "edge/serve/taken_stream.h"

#include <utility>

namespace perigee::serve {

LeftoverStream::LeftoverStream(net::Stream& below, OutputQueue&& leftover)
    : below_(below), leftover_(std::move(leftover)) {
  below_.set_handler(*this);
}

size_t LeftoverStream::write(std::span<const Slice> slices) {
  if (leftover_.empty()) return below_.write(slices);
  write_refused_ = true;
  return 0;
}

void LeftoverStream::shutdown_write() {
  end_wanted_ = true;
  if (leftover_.empty()) below_.shutdown_write();
}

void LeftoverStream::on_read(std::string_view bytes) {
  if (handler_ != nullptr) handler_->on_read(bytes);
}

void LeftoverStream::on_end() {
  if (handler_ != nullptr) handler_->on_end();
}

void LeftoverStream::on_writable() {
  if (!leftover_.empty()) {
    leftover_.write_to(below_);
    if (!leftover_.empty()) return;
    if (end_wanted_) below_.shutdown_write();
    if (!std::exchange(write_refused_, false)) return;
  }
  if (handler_ != nullptr) handler_->on_writable();
}

void LeftoverStream::on_error(net::StreamError error) {
  handler_ != nullptr ? handler_->on_error(error) : below_.close();
}

void LeftoverStream::on_closed() {
  net::StreamHandler* handler = handler_;
  delete this;
  if (handler != nullptr) handler->on_closed();
}

}  // namespace perigee::serve
