#include "edge/net/service_notify.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstddef>
#include <cstdlib>
#include <cstring>

#include "edge/base/bytes.h"

namespace perigee::net {
namespace {

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? std::string() : std::string(value);
}

}  // namespace

ServiceNotify::ServiceNotify(Loop& loop) : loop_(loop), path_(environment("NOTIFY_SOCKET")) {
  if (path_.empty()) return;
  fd_ = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  const auto interval = parse_decimal(environment("WATCHDOG_USEC"));
  const std::string pid = environment("WATCHDOG_PID");
  const bool for_us = pid.empty() || pid == std::to_string(::getpid());
  if (interval && for_us)
    every_ = std::chrono::duration_cast<Duration>(std::chrono::microseconds(*interval / 2));
}

ServiceNotify::~ServiceNotify() {
  if (fd_ >= 0) ::close(fd_);
}

void ServiceNotify::ready() {
  send("READY=1");
  if (every_ > Duration::zero()) on_timer(timer_);
}

void ServiceNotify::stopping() { send("STOPPING=1"); }

void ServiceNotify::on_timer(Timer&) {
  send("WATCHDOG=1");
  loop_.timers().arm(timer_, loop_.now() + every_);
}

void ServiceNotify::send(std::string_view message) {
  sockaddr_un to{};
  if (fd_ < 0 || path_.size() >= sizeof to.sun_path) return;
  to.sun_family = AF_UNIX;
  std::memcpy(to.sun_path, path_.data(), path_.size());
  // A leading '@' means the abstract name space.
  if (to.sun_path[0] == '@') to.sun_path[0] = '\0';
  const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + path_.size());
  static_cast<void>(::sendto(fd_, message.data(), message.size(), MSG_NOSIGNAL,
                             reinterpret_cast<const sockaddr*>(&to), size));
}

}  // namespace perigee::net
