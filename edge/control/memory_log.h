// A LogSink that keeps its lines, for tests.
//
// Thread rule: any thread.
#pragma once

#include <mutex>
#include <string>
#include <vector>

#include "edge/control/log_sink.h"

namespace perigee::control {

class MemoryLog final : public LogSink {
 public:
  struct Line {
    LogLevel level;
    std::string event;
    std::string json;  // the whole line, at time zero
  };

  void write(LogLevel level, std::string_view event, std::initializer_list<LogField> fields) override {
    std::string json = format_log_line(WallTime{}, level, event, fields);
    const std::lock_guard lock(mutex_);
    lines_.push_back({level, std::string(event), std::move(json)});
  }

  std::vector<Line> lines() const {
    const std::lock_guard lock(mutex_);
    return lines_;
  }
  // Lines of that event, or of all events when it is empty, at that level or above.
  size_t count(std::string_view event, LogLevel lowest = LogLevel::debug) const {
    const std::lock_guard lock(mutex_);
    size_t found = 0;
    for (const Line& line : lines_) found += line.level >= lowest && (event.empty() || line.event == event);
    return found;
  }
  void clear() {
    const std::lock_guard lock(mutex_);
    lines_.clear();
  }

 private:
  mutable std::mutex mutex_;
  std::vector<Line> lines_;
};

}  // namespace perigee::control
