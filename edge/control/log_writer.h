// Writes lines to a file, stderr, stdout or a syslog daemon through a bounded queue and one thread of its
// own.
//
// The caller never waits for the target. When the queue is full the oldest line makes room and is counted; so
// is a line that the target does not take: a full disk, a closed stdout, a pipe that nobody reads.
//
// Ownership: whoever opened it; it outlives everybody who writes. Destroying it writes what is queued, as far
// as the target takes it. Thread rule: write(), reopen() and dropped() from any thread. It uses a thread and
// a descriptor of its own and not those of an Io: tests on the in-memory network use MemoryLog.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "edge/base/result.h"

namespace perigee::control {

class LogWriter {
 public:
  static constexpr std::string_view syslog_scheme = "syslog:";
  // The longest path that a socket's address holds.
  static constexpr size_t socket_path_max = 107;

  // target: "stderr", "stdout", "off", "syslog:" with the path of a datagram socket (syslog_sink.h), or a
  // file that is appended to and made with mode 0640. Error: internal, "log_open_failed".
  static Result<std::unique_ptr<LogWriter>> open(const std::string& target, size_t queue_lines);
  ~LogWriter();
  LogWriter(const LogWriter&) = delete;
  LogWriter& operator=(const LogWriter&) = delete;

  // False for "off": a line need not be made.
  bool enabled() const { return state_ != nullptr; }
  // Without the end of line.
  void write(std::string_view line);
  // Opens the file again before the next line, after somebody has renamed it. If that fails the old one is
  // kept. Does nothing for stderr and stdout.
  void reopen();
  // Lines lost so far.
  uint64_t dropped() const;

 private:
  struct State;
  explicit LogWriter(std::unique_ptr<State> state);

  std::unique_ptr<State> state_;  // null: off
};

}  // namespace perigee::control
