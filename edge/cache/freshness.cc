#include "edge/cache/freshness.h"

#include <algorithm>

#include "edge/http/date.h"
#include "edge/http/lists.h"

namespace perigee::cache {

namespace {

int32_t saturate(int64_t seconds) {
  return static_cast<int32_t>(std::clamp<int64_t>(seconds, 0, http::delta_seconds_max));
}

// The one value of a field that may be repeated only with the same text; empty optional when the lines
// differ.
std::optional<std::string_view> single_value(const http::FieldList& fields, http::FieldId id) {
  std::optional<std::string_view> value;
  for (const http::Field& field : fields) {
    if (field.id != id) continue;
    if (value && *value != field.value) return std::nullopt;
    value = field.value;
  }
  return value;
}

}  // namespace

AgeValue age_value(const http::FieldList& response) {
  const size_t lines = response.count(http::FieldId::age);
  if (lines == 0) return {};
  http::ListMembers members(response.value(http::FieldId::age));
  std::string_view member;
  members.next(member);
  const auto seconds = http::parse_delta_seconds(member);
  if (lines > 1 || !seconds) return {0, false};
  std::string_view other;
  while (members.next(other)) {
    if (other == member) return {*seconds, false};
  }
  return {*seconds, true};
}

int64_t date_value(const http::FieldList& response, WallTime response_time) {
  const int64_t now = unix_seconds(response_time);
  const auto value = single_value(response, http::FieldId::date);
  return value ? http::parse_date(*value, now).value_or(now) : now;
}

int32_t corrected_initial_age(int64_t age_value, int64_t date_value, WallTime request_time,
                              WallTime response_time) {
  const int64_t apparent_age = std::max<int64_t>(0, unix_seconds(response_time) - date_value);
  const int64_t delay_ms = std::max<int64_t>(0, (response_time - request_time).count());
  const int64_t response_delay = delay_ms / 1000;
  const int64_t corrected_age_value = age_value + response_delay;
  return saturate(std::max(apparent_age, corrected_age_value));
}

Lifetime explicit_lifetime(const http::ResponseCacheControl& control, const http::FieldList& response,
                           int64_t date_value, int64_t now, bool use_expires) {
  if (control.s_maxage.present()) return {control.s_maxage.seconds, true};
  if (control.max_age.present()) return {control.max_age.seconds, true};
  if (!use_expires || !response.has(http::FieldId::expires)) return {};
  const auto value = single_value(response, http::FieldId::expires);
  const auto expires = value ? http::parse_date(*value, now) : std::nullopt;
  // RFC 9111 5.3: an invalid date, "0" above all, is a time in the past.
  return {expires ? saturate(*expires - date_value) : 0, true};
}

std::optional<int32_t> heuristic_lifetime(const http::FieldList& response, int64_t date_value, int64_t now,
                                          int32_t max) {
  const auto value = single_value(response, http::FieldId::last_modified);
  const auto last_modified = value ? http::parse_date(*value, now) : std::nullopt;
  if (!last_modified || *last_modified > date_value) return std::nullopt;
  return std::min(saturate((date_value - *last_modified) / 10), max);
}

}  // namespace perigee::cache
