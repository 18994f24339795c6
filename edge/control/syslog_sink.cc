#include "edge/control/syslog_sink.h"

#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <string_view>
#include <utility>

#include "edge/control/json_text.h"

namespace perigee::control {
namespace {

// RFC 5424 6.2.1: facility local0 (16), severity informational (6). How bad an event is, the line says.
constexpr std::string_view priority_and_version = "<134>1 ";

std::string host_name() {
  char name[256] = {};
  if (::gethostname(name, sizeof name - 1) != 0 || name[0] == '\0') return "-";
  return name;
}

// RFC 5424 6.2.3.
void append_time(std::string& out, std::chrono::system_clock::time_point time) {
  std::string quoted;
  append_json_time(quoted, WallTime(std::chrono::duration_cast<WallTime::duration>(time.time_since_epoch())));
  out.append(quoted, 1, quoted.size() - 2);
}

}  // namespace

SyslogSink::SyslogSink(std::string path)
    : path_(std::move(path)), origin_(fmt::format(" {} perigee-edge {} - - ", host_name(), ::getpid())) {}

SyslogSink::~SyslogSink() { close(); }

void SyslogSink::close() {
  if (socket_ >= 0) ::close(std::exchange(socket_, -1));
}

bool SyslogSink::connect() {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path_.size() >= sizeof address.sun_path) return false;
  std::memcpy(address.sun_path, path_.data(), path_.size());
  socket_ = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (socket_ < 0) return false;
  if (::connect(socket_, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0) return true;
  close();
  return false;
}

// False: not taken. A daemon that has gone away is forgotten, so that the next try finds its successor.
bool SyslogSink::send() {
  if (socket_ < 0 && !connect()) return false;
  ssize_t sent = 0;
  do {
    sent = ::send(socket_, message_.data(), message_.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
  } while (sent < 0 && errno == EINTR);
  if (sent >= 0) return true;
  const bool full = errno == EAGAIN || errno == EWOULDBLOCK || errno == ENOBUFS || errno == EMSGSIZE;
  if (!full) close();
  return false;
}

void SyslogSink::log(const spdlog::details::log_msg& message) {
  if (reopen_.exchange(false, std::memory_order_acq_rel)) close();
  message_ = priority_and_version;
  append_time(message_, message.time);
  message_ += origin_;
  message_.append(message.payload.data(), message.payload.size());
  if (send()) return;
  // A daemon that was started again has a new socket under the old path.
  if (socket_ >= 0 || !send()) drop();
}

}  // namespace perigee::control
