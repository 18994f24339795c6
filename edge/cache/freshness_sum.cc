#include "edge/cache/freshness_sum.h"

#include <algorithm>
#include <optional>

#include "edge/cache/freshness.h"
#include "edge/http/cache_control.h"

namespace perigee::cache {

namespace {

struct Source {
  std::string text;
  int32_t freshness_lifetime = 0;
  bool is_explicit = false;
};

Source source_of(const http::ResponseCacheControl& control, const http::FieldList& stored,
                 std::string_view field, const ResponseMeta& meta, int64_t date, bool targeted) {
  const int64_t response_time = meta.response_time_ms / 1000;
  const Lifetime lifetime = explicit_lifetime(control, stored, date, response_time, !targeted);
  Source source{"", lifetime.freshness_lifetime, lifetime.is_explicit};
  if (control.s_maxage.present()) {
    source.text = "s-maxage of " + std::string(field);
  } else if (control.max_age.present()) {
    source.text = "max-age of " + std::string(field);
  } else if (lifetime.is_explicit) {
    source.text = "Expires - date_value";
  }
  return source;
}

// The field that decides, asked as judge_response() asks.
Source explicit_source(const http::FieldList& stored, const ResponseMeta& meta, int64_t date,
                       const PolicyOptions& options) {
  PolicyOptions one = options;
  for (const std::string& target : options.targets) {
    one.targets = {target};
    const auto control = targeted_cache_control(stored, one);
    if (control) return source_of(*control, stored, target, meta, date, true);
  }
  return source_of(http::parse_response_cache_control(stored), stored, "cache-control", meta, date, false);
}

std::string lifetime_source(const http::FieldList& stored, const ResponseMeta& meta, int64_t date,
                            const PolicyOptions& options) {
  const Source source = explicit_source(stored, meta, date, options);
  if (!source.is_explicit) {
    if (meta.is(ResponseMeta::heuristic)) return "a tenth of date_value - Last-Modified (RFC 9111 4.2.2)";
    return meta.freshness_lifetime > 0 ? "default_freshness of the site" : "the response does not say";
  }
  if (source.freshness_lifetime == meta.freshness_lifetime) return source.text;
  if (meta.freshness_lifetime == 0) return source.text + ", but its Age said nothing certain";
  return source.text + ", by the configuration of when it arrived";
}

}  // namespace

std::vector<SumLine> freshness_sum(const http::FieldList& stored, const ResponseMeta& meta, WallTime now,
                                   const PolicyOptions& options) {
  const WallTime arrived{std::chrono::milliseconds(meta.response_time_ms)};
  const int64_t response_time = unix_seconds(arrived);
  const int64_t date = date_value(stored, arrived);
  const int64_t apparent_age = std::max<int64_t>(0, response_time - date);
  const int64_t initial = meta.corrected_initial_age;
  const int64_t current_age = meta.current_age(now);
  std::vector<SumLine> lines;
  lines.push_back({"date_value", date, "Date, or the time of arrival without one"});
  lines.push_back({"response_time", response_time, "when the head arrived, or was last validated"});
  lines.push_back({"apparent_age", apparent_age, "max(0, response_time - date_value)"});
  if (initial > apparent_age) {
    lines.push_back({"corrected_age_value", initial, "age_value + response_delay"});
  }
  lines.push_back({"corrected_initial_age", initial, "max(apparent_age, corrected_age_value)"});
  lines.push_back({"now", unix_seconds(now), "this node's clock"});
  lines.push_back({"resident_time", current_age - initial, "now - response_time"});
  lines.push_back({"current_age", current_age, "corrected_initial_age + resident_time"});
  lines.push_back(
      {"freshness_lifetime", meta.freshness_lifetime, lifetime_source(stored, meta, date, options)});
  lines.push_back({"ttl", meta.ttl(now), "freshness_lifetime - current_age; fresh while above 0"});
  return lines;
}

}  // namespace perigee::cache
