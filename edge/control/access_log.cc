#include "edge/control/access_log.h"

#include <fmt/format.h>

#include <algorithm>

#include "edge/control/json_text.h"

namespace perigee::control {
namespace {

// Writes the fields that were chosen; an object of one line.
class Line {
 public:
  explicit Line(AccessFields chosen) : chosen_(chosen) {
    text_.reserve(512);
    text_.push_back('{');
  }

  void text(AccessField field, std::string_view value) {
    if (begins(field)) append_json_string(text_, value);
  }
  void text_if_any(AccessField field, std::string_view value) {
    if (!value.empty()) text(field, value);
  }
  void time(AccessField field, WallTime value) {
    if (begins(field)) append_json_time(text_, value);
  }
  void number(AccessField field, uint64_t value) {
    if (begins(field)) fmt::format_to(std::back_inserter(text_), "{}", value);
  }
  void seconds(AccessField field, Duration value) {
    if (!begins(field)) return;
    fmt::format_to(std::back_inserter(text_), "{:.6f}", std::chrono::duration<double>(value).count());
  }
  void flag(AccessField field) {
    if (begins(field)) text_ += "true";
  }
  std::string finish() {
    text_.push_back('}');
    return std::move(text_);
  }

 private:
  bool begins(AccessField field) {
    if ((chosen_ & access_fields({field})) == 0) return false;
    if (text_.size() > 1) text_.push_back(',');
    text_.push_back('"');
    text_ += access_field_names[static_cast<size_t>(field)];
    text_ += "\":";
    return true;
  }

  const AccessFields chosen_;
  std::string text_;
};

}  // namespace

std::optional<AccessField> access_field(std::string_view name) {
  const auto found = std::find(access_field_names.begin(), access_field_names.end(), name);
  if (found == access_field_names.end()) return std::nullopt;
  return static_cast<AccessField>(found - access_field_names.begin());
}

std::string format_access_line(const AccessRecord& record, AccessFields fields) {
  Line line(fields);
  line.time(AccessField::ts, record.time);
  line.text(AccessField::client, record.client.ip());
  line.text(AccessField::method, record.method);
  line.text_if_any(AccessField::scheme, record.scheme);
  line.text(AccessField::host, record.host);
  line.text(AccessField::path, record.path);
  line.number(AccessField::status, static_cast<uint64_t>(record.status));
  line.number(AccessField::bytes, record.bytes);
  line.seconds(AccessField::duration, record.duration);
  line.text_if_any(AccessField::cache, record.cache);
  line.text_if_any(AccessField::fwd, record.forward);
  line.text_if_any(AccessField::upstream, record.upstream);
  line.text_if_any(AccessField::site, record.site);
  line.text_if_any(AccessField::detail, record.detail);
  line.text_if_any(AccessField::trace_id, record.trace_id);
  line.text_if_any(AccessField::parent_id, record.parent_id);
  line.text_if_any(AccessField::referer, record.referer);
  line.text_if_any(AccessField::user_agent, record.user_agent);
  if (!record.complete) line.flag(AccessField::cut);
  return line.finish();
}

void AccessLog::write(const AccessRecord& record) {
  writer_.write(format_access_line(record, fields_.load(std::memory_order_relaxed)));
}

}  // namespace perigee::control
