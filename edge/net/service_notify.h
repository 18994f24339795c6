// Tells the service manager how the process is doing, by the protocol of sd_notify(3): ready, stopping, and,
// when asked to, a sign of life from the control loop at half the interval after which the manager would end
// it.
//
// Without NOTIFY_SOCKET in the environment it does nothing. Messages are datagrams and never wait.
//
// Thread rule: made before the loop runs; then the loop's.
#pragma once

#include <string>
#include <string_view>

#include "edge/net/io.h"

namespace perigee::net {

class ServiceNotify final : private TimerHandler {
 public:
  explicit ServiceNotify(Loop& loop);
  ~ServiceNotify();
  ServiceNotify(const ServiceNotify&) = delete;
  ServiceNotify& operator=(const ServiceNotify&) = delete;

  // Begins the signs of life, too.
  void ready();
  void stopping();

 private:
  void send(std::string_view message);
  void on_timer(Timer& timer) override;

  Loop& loop_;
  std::string path_;
  int fd_ = -1;
  Duration every_{};  // zero: no watchdog
  Timer timer_{*this};
};

}  // namespace perigee::net
