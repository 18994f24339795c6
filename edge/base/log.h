// Structured log lines: an event name from a literal, and typed fields. Who formats and where it goes is a
// LogSink's affair: JSON through a bounded queue to one writer in production, a vector in tests.
//
// Thread rule: Log is a cheap handle, copied freely; write() may be called from any thread and never blocks:
// when the sink's queue is full the line is dropped and counted. Hot-path rule: a hit logs nothing at info or
// above.
#pragma once

#include <atomic>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <variant>

namespace perigee {

enum class LogLevel : uint8_t { debug, info, warning, error };

constexpr std::string_view to_string(LogLevel level) {
  switch (level) {
    case LogLevel::debug:
      return "debug";
    case LogLevel::info:
      return "info";
    case LogLevel::warning:
      return "warning";
    case LogLevel::error:
      return "error";
  }
  return "error";
}

struct LogField {
  std::string_view name;
  std::variant<std::string_view, int64_t, uint64_t, double, bool> value;
};

class LogSink {
 public:
  virtual ~LogSink() = default;

  // The lowest level that is written; may change at any time, from any thread.
  LogLevel lowest() const { return lowest_.load(std::memory_order_relaxed); }
  void set_lowest(LogLevel lowest) { lowest_.store(lowest, std::memory_order_relaxed); }

  // The views are good during the call only. Called only for levels the Log lets through.
  virtual void write(LogLevel level, std::string_view event, std::initializer_list<LogField> fields) = 0;

 private:
  std::atomic<LogLevel> lowest_{LogLevel::info};
};

class Log {
 public:
  Log() = default;  // silent
  explicit Log(LogSink& sink) : sink_(&sink) {}
  Log(LogSink& sink, LogLevel lowest) : sink_(&sink) { set_lowest(lowest); }

  bool enabled(LogLevel level) const { return sink_ != nullptr && level >= sink_->lowest(); }
  // For every handle on the same sink.
  void set_lowest(LogLevel lowest) {
    if (sink_ != nullptr) sink_->set_lowest(lowest);
  }
  void write(LogLevel level, std::string_view event, std::initializer_list<LogField> fields = {}) const {
    if (enabled(level)) sink_->write(level, event, fields);
  }
  void debug(std::string_view event, std::initializer_list<LogField> fields = {}) const {
    write(LogLevel::debug, event, fields);
  }
  void info(std::string_view event, std::initializer_list<LogField> fields = {}) const {
    write(LogLevel::info, event, fields);
  }
  void warning(std::string_view event, std::initializer_list<LogField> fields = {}) const {
    write(LogLevel::warning, event, fields);
  }
  void error(std::string_view event, std::initializer_list<LogField> fields = {}) const {
    write(LogLevel::error, event, fields);
  }

 private:
  LogSink* sink_ = nullptr;
};

}  // namespace perigee
