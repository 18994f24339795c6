// Lines as messages of RFC 5424 to a syslog daemon on this machine, one datagram each.
//
// Never waits: what the daemon's socket does not take at once is dropped and counted. A daemon that is not
// there yet, or again, is found with the next line.
//
// Thread rule: as LineSink.
#pragma once

#include <string>

#include "edge/control/log_line_sink.h"

namespace perigee::control {

class SyslogSink final : public LineSink {
 public:
  // path: of a datagram socket, usually /dev/log.
  explicit SyslogSink(std::string path);
  ~SyslogSink() override;

  void log(const spdlog::details::log_msg& message) override;
  void reopen() override { reopen_.store(true, std::memory_order_release); }

 private:
  bool connect();
  bool send();
  void close();

  const std::string path_;
  std::string origin_;  // "HOST perigee-edge PID - - "
  std::string message_;
  int socket_ = -1;
  std::atomic<bool> reopen_{false};
};

}  // namespace perigee::control
