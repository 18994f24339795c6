#include "edge/control/log_sink.h"

#include <fmt/format.h>

#include <chrono>
#include <cmath>

#include "edge/control/json_text.h"

namespace perigee::control {
namespace {

void append_value(std::string& out, const LogField& field) {
  struct Append {
    std::string& out;
    void operator()(std::string_view text) const { append_json_string(out, text); }
    void operator()(int64_t number) const { fmt::format_to(std::back_inserter(out), "{}", number); }
    void operator()(uint64_t number) const { fmt::format_to(std::back_inserter(out), "{}", number); }
    // JSON has no infinity and no NaN.
    void operator()(double number) const {
      if (std::isfinite(number)) {
        fmt::format_to(std::back_inserter(out), "{}", number);
      } else {
        out += "null";
      }
    }
    void operator()(bool flag) const { out += flag ? "true" : "false"; }
  };
  std::visit(Append{out}, field.value);
}

}  // namespace

WallTime system_wall_time() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return WallTime(std::chrono::duration_cast<std::chrono::milliseconds>(now));
}

std::string format_log_line(WallTime now, LogLevel level, std::string_view event,
                            std::initializer_list<LogField> fields) {
  std::string line;
  line.reserve(256);
  line += "{\"ts\":";
  append_json_time(line, now);
  append_json_name(line, "level");
  append_json_string(line, to_string(level));
  append_json_name(line, "event");
  append_json_string(line, event);
  for (const LogField& field : fields) {
    append_json_name(line, field.name);
    append_value(line, field);
  }
  line.push_back('}');
  return line;
}

void JsonLogSink::write(LogLevel level, std::string_view event, std::initializer_list<LogField> fields) {
  if (writer_.enabled()) writer_.write(format_log_line(now_(), level, event, fields));
}

}  // namespace perigee::control
