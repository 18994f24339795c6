// The other end of an upgraded connection: sends back every byte it receives, until the client ends.
//
// Owns itself until the stream is closed. Thread rule: the loop's thread.
#pragma once

#include <string>

#include "edge/serve/handler.h"

namespace perigee::origin {

class UpgradeEcho final : private net::StreamHandler {
 public:
  // Takes the stream over; what was received behind the request is echoed first.
  static void start(serve::TakenStream taken);

 private:
  explicit UpgradeEcho(net::Stream& stream) : stream_(stream) {}

  void on_read(std::string_view bytes) override;
  void on_end() override;
  void on_writable() override;
  void on_error(net::StreamError) override { stream_.close(); }
  void on_closed() override { delete this; }
  void flush();

  net::Stream& stream_;
  std::string pending_;
  bool ended_ = false;
};

}  // namespace perigee::origin
