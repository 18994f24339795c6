#include "origin/upgrade_echo.h"

namespace perigee::origin {

void UpgradeEcho::start(serve::TakenStream taken) {
  auto* echo = new UpgradeEcho(*taken.stream);
  taken.stream->set_handler(*echo);
  taken.stream->read_start();
  echo->on_read(taken.unread);
}

void UpgradeEcho::on_read(std::string_view bytes) {
  pending_.append(bytes);
  flush();
}

void UpgradeEcho::on_end() {
  ended_ = true;
  flush();
}

void UpgradeEcho::on_writable() {
  stream_.read_start();
  flush();
}

void UpgradeEcho::flush() {
  const Slice slice = pending_;
  if (!pending_.empty()) pending_.erase(0, stream_.write({&slice, 1}));
  if (!pending_.empty()) {
    stream_.read_stop();
  } else if (ended_) {
    stream_.close();
  }
}

}  // namespace perigee::origin
