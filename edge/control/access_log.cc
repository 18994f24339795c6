#include "edge/control/access_log.h"

#include <fmt/format.h>

#include "edge/control/json_text.h"

namespace perigee::control {
namespace {

void append_text(std::string& line, std::string_view name, std::string_view value) {
  append_json_name(line, name);
  append_json_string(line, value);
}

void append_if_any(std::string& line, std::string_view name, std::string_view value) {
  if (!value.empty()) append_text(line, name, value);
}

}  // namespace

std::string format_access_line(const AccessRecord& record) {
  std::string line;
  line.reserve(512);
  line += "{\"ts\":";
  append_json_time(line, record.time);
  append_text(line, "client", record.client.ip());
  append_text(line, "method", record.method);
  append_text(line, "host", record.host);
  append_text(line, "path", record.path);
  const double seconds = std::chrono::duration<double>(record.duration).count();
  fmt::format_to(std::back_inserter(line), ",\"status\":{},\"bytes\":{},\"duration\":{:.6f}", record.status,
                 record.bytes, seconds);
  append_if_any(line, "cache", record.cache);
  append_if_any(line, "fwd", record.forward);
  append_if_any(line, "upstream", record.upstream);
  append_if_any(line, "site", record.site);
  if (!record.complete) line += ",\"cut\":true";
  line.push_back('}');
  return line;
}

void AccessLog::write(const AccessRecord& record) { writer_.write(format_access_line(record)); }

}  // namespace perigee::control
