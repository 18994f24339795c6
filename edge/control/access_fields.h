// What a line of the access log may have.
//
// Thread rule: plain values.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string_view>
#include <vector>

namespace perigee::control {

// In the order in which a line has them.
enum class AccessField : uint8_t {
  ts,
  client,
  method,
  scheme,
  host,
  path,
  status,
  bytes,
  duration,
  cache,
  fwd,
  upstream,
  site,
  detail,
  trace_id,
  parent_id,
  referer,
  user_agent,
  cut
};
inline const std::vector<std::string_view> access_field_names = {
    "ts",       "client",    "method",  "scheme",     "host",     "path", "status",
    "bytes",    "duration",  "cache",   "fwd",        "upstream", "site", "detail",
    "trace_id", "parent_id", "referer", "user_agent", "cut"};

// A bit for each.
using AccessFields = uint32_t;
constexpr AccessFields access_fields(std::initializer_list<AccessField> list) {
  AccessFields fields = 0;
  for (const AccessField field : list) fields |= AccessFields{1} << static_cast<unsigned>(field);
  return fields;
}
inline constexpr AccessFields access_fields_default =
    ((AccessFields{1} << (static_cast<unsigned>(AccessField::cut) + 1)) - 1) &
    ~access_fields({AccessField::scheme, AccessField::referer, AccessField::user_agent});

std::optional<AccessField> access_field(std::string_view name);

}  // namespace perigee::control
