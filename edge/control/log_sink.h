// The production LogSink: each event a JSON line {"ts", "level", "event", fields...} on a LogWriter.
//
// Ownership: the writer outlives the sink. Thread rule: any thread.
#pragma once

#include "edge/base/clock.h"
#include "edge/base/log.h"
#include "edge/control/log_writer.h"

namespace perigee::control {

// The system's wall clock; the one clock that log lines of many threads share.
WallTime system_wall_time();

class JsonLogSink final : public LogSink {
 public:
  explicit JsonLogSink(LogWriter& writer, WallTime (*now)() = system_wall_time)
      : writer_(writer), now_(now) {}

  void write(LogLevel level, std::string_view event, std::initializer_list<LogField> fields) override;

 private:
  LogWriter& writer_;
  WallTime (*now_)();
};

// One line, without its end.
std::string format_log_line(WallTime now, LogLevel level, std::string_view event,
                            std::initializer_list<LogField> fields);

}  // namespace perigee::control
