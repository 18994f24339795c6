#include "edge/http/trace_context.h"

#include <algorithm>
#include <array>

#include "edge/base/bytes.h"

namespace perigee::http {
namespace {

constexpr std::string_view parent_name = "traceparent";
constexpr std::string_view state_name = "tracestate";
constexpr size_t members_max = 32;
constexpr size_t key_or_value_max = 256;

bool is_hex(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return is_digit(c) || (c >= 'a' && c <= 'f'); });
}

bool all_zero(std::string_view text) { return text.find_first_not_of('0') == std::string_view::npos; }

// "00-" trace-id "-" parent-id "-" flags (W3C Trace Context 3.2). A later version may have more behind a
// further dash; version ff is forbidden.
bool read_parent(std::string_view value, TraceContext& out) {
  constexpr size_t trace_at = 3, parent_at = 36, flags_at = 53, size = 55;
  if (value.size() < size || value[2] != '-' || value[parent_at - 1] != '-' || value[flags_at - 1] != '-')
    return false;
  const std::string_view version = value.substr(0, 2);
  const std::string_view trace = value.substr(trace_at, 32);
  const std::string_view parent = value.substr(parent_at, 16);
  if (!is_hex(version) || !is_hex(trace) || !is_hex(parent) || !is_hex(value.substr(flags_at, 2)))
    return false;
  if (version == "ff" || all_zero(trace) || all_zero(parent)) return false;
  if (value.size() > size && (version == "00" || value[size] != '-')) return false;
  out.trace_id = trace;
  out.parent_id = parent;
  return true;
}

bool is_key(std::string_view key) {
  if (key.empty() || key.size() > key_or_value_max) return false;
  if (!is_digit(key.front()) && (key.front() < 'a' || key.front() > 'z')) return false;
  return std::all_of(key.begin(), key.end(), [](char c) {
    return is_digit(c) || (c >= 'a' && c <= 'z') ||
           std::string_view("_-*/@").find(c) != std::string_view::npos;
  });
}

// Printable, without "," and "="; no space at its end.
bool is_value(std::string_view value) {
  if (value.empty() || value.size() > key_or_value_max || value.back() == ' ') return false;
  return std::all_of(value.begin(), value.end(),
                     [](char c) { return c >= ' ' && c <= '~' && c != ',' && c != '='; });
}

// The members of all lines together (3.3.1): at most 32, each key once; empty ones count for nothing.
bool is_state(const FieldList& fields) {
  std::array<std::string_view, members_max> keys;
  size_t count = 0;
  for (const Field& field : fields) {
    if (!equal_ignoring_case(field.name, state_name)) continue;
    for (std::string_view left = field.value; !left.empty();) {
      const size_t comma = std::min(left.find(','), left.size());
      const std::string_view member = trim_ows(left.substr(0, comma));
      left.remove_prefix(std::min(comma + 1, left.size()));
      if (member.empty()) continue;
      const size_t equals = member.find('=');
      if (equals == std::string_view::npos || count == members_max) return false;
      const std::string_view key = member.substr(0, equals);
      if (!is_key(key) || !is_value(member.substr(equals + 1))) return false;
      if (std::find(keys.begin(), keys.begin() + count, key) != keys.begin() + count) return false;
      keys[count++] = key;
    }
  }
  return true;
}

}  // namespace

bool TraceContext::passes(std::string_view name) const {
  if (equal_ignoring_case(name, parent_name)) return !trace_id.empty();
  if (equal_ignoring_case(name, state_name)) return !trace_id.empty() && valid_state;
  return true;
}

TraceContext read_trace_context(const FieldList& fields) {
  TraceContext out;
  const Field* parent = nullptr;
  for (const Field& field : fields) {
    if (!equal_ignoring_case(field.name, parent_name)) continue;
    if (parent != nullptr) return {};  // 3.2: one, or none that can be believed
    parent = &field;
  }
  if (parent == nullptr || !read_parent(parent->value, out)) return {};
  out.valid_state = is_state(fields);
  return out;
}

}  // namespace perigee::http
