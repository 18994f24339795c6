#include "bench/load/schedule.h"

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <optional>
#include <unordered_map>
#include <utility>

#include "edge/base/bytes.h"
#include "edge/base/json.h"

namespace perigee::load {

namespace {

// One number for each different text.
class Interned {
 public:
  explicit Interned(std::vector<std::string>& texts) : texts_(texts) {}
  uint32_t operator()(const std::string& text) {
    const auto [known, is_new] = known_.try_emplace(text, static_cast<uint32_t>(texts_.size()));
    if (is_new) texts_.push_back(text);
    return known->second;
  }

 private:
  std::vector<std::string>& texts_;
  std::unordered_map<std::string, uint32_t> known_;
};

std::optional<int64_t> number(std::string_view text, size_t from, size_t length) {
  if (from + length > text.size()) return std::nullopt;
  const auto value = parse_decimal(text.substr(from, length));
  return value ? std::optional<int64_t>(static_cast<int64_t>(*value)) : std::nullopt;
}

// Days since 1970 of a date of the proleptic Gregorian calendar.
int64_t days_from_civil(int64_t year, int64_t month, int64_t day) {
  year -= month <= 2 ? 1 : 0;
  const int64_t era = year / 400;
  const int64_t of_era = year - era * 400;
  const int64_t of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
  return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

// "2026-01-31T23:59:59.123Z", as the access log writes it, in microseconds since 1970.
std::optional<int64_t> parse_time(std::string_view text) {
  if (text.size() != 24 || text[10] != 'T' || text[19] != '.' || text[23] != 'Z') return std::nullopt;
  const auto year = number(text, 0, 4);
  const auto month = number(text, 5, 2);
  const auto day = number(text, 8, 2);
  const auto hour = number(text, 11, 2);
  const auto minute = number(text, 14, 2);
  const auto second = number(text, 17, 2);
  const auto milli = number(text, 20, 3);
  if (!year || !month || *month < 1 || *month > 12 || !day || !hour || !minute || !second || !milli)
    return std::nullopt;
  const int64_t seconds = ((days_from_civil(*year, *month, *day) * 24 + *hour) * 60 + *minute) * 60 + *second;
  return seconds * 1'000'000 + *milli * 1000;
}

struct Logged {
  int64_t at_us = 0;
  std::string method;
  std::string host;
  std::string path;
};

std::optional<Logged> parse_logged(std::string_view line) {
  const Json json = parse_json(line);
  if (!json.is_object()) return std::nullopt;
  const auto text = [&](const char* name) -> std::optional<std::string> {
    const auto found = json.find(name);
    if (found == json.end() || !found->is_string()) return std::nullopt;
    return found->get<std::string>();
  };
  const auto ts = text("ts");
  const auto at = ts ? parse_time(*ts) : std::nullopt;
  const auto method = text("method");
  const auto host = text("host");
  const auto path = text("path");
  if (!at || !method || !host || !path) return std::nullopt;
  return Logged{*at, *method, *host, *path};
}

// What can be put on a request line as it is.
bool is_target(std::string_view path) {
  return !path.empty() && path[0] == '/' &&
         std::all_of(path.begin(), path.end(), [](char c) { return c > ' ' && c < 0x7f; });
}

}  // namespace

Schedule Schedule::from_trace(const trace::Trace& trace, std::string_view target) {
  Schedule schedule;
  schedule.target_ = target;
  schedule.texts_ = trace.names;
  for (const trace::Request& request : trace.requests) {
    schedule.entries_.push_back({request.time_us, request.id, 0, request.size});
  }
  schedule.put_in_order();
  return schedule;
}

Result<Schedule> Schedule::from_access_log(std::string_view text, std::string_view path) {
  Schedule schedule;
  Interned texts(schedule.texts_);
  Interned hosts(schedule.hosts_);
  size_t line_number = 0;
  while (!text.empty()) {
    const size_t end = text.find('\n');
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    ++line_number;
    if (line.empty()) continue;
    const auto logged = parse_logged(line);
    if (!logged) {
      return fail(Side::client, "bad_log",
                  std::string(path) + ':' + std::to_string(line_number) + ": found \"" +
                      std::string(line.substr(0, 80)) +
                      "\", expected a line of the access log with ts, method, host and path");
    }
    if (logged->method != "GET" || !is_target(logged->path)) {
      ++schedule.skipped_;
      continue;
    }
    schedule.entries_.push_back({logged->at_us, texts(logged->path), hosts(logged->host), 0});
  }
  schedule.put_in_order();
  return schedule;
}

Result<Schedule> Schedule::read(const std::string& path, std::string_view target) {
  const auto read = trace::read_text(path);
  if (!read) return tl::unexpected(read.error());
  const std::string& text = *read;
  if (!text.empty() && text[0] == '{') return from_access_log(text, path);
  const auto trace = trace::parse_csv(text, path);
  if (!trace) return tl::unexpected<Error>(trace.error());
  return from_trace(*trace, target);
}

// Lines of an access log stand in the order in which exchanges ended; their times are those when they began.
void Schedule::put_in_order() {
  std::stable_sort(entries_.begin(), entries_.end(),
                   [](const Entry& a, const Entry& b) { return a.at_us < b.at_us; });
  const int64_t first = entries_.empty() ? 0 : entries_[0].at_us;
  for (Entry& entry : entries_) entry.at_us -= first;
}

void Schedule::append_target(std::string& out, size_t index) const {
  const Entry& entry = entries_[index];
  if (target_.empty()) {
    out += texts_[entry.text];
    return;
  }
  std::string_view left = target_;
  while (!left.empty()) {
    const size_t brace = std::min(left.find("{id}"), left.find("{size}"));
    out += left.substr(0, brace);
    if (brace == std::string_view::npos) return;
    const bool is_id = left.substr(brace, 4) == "{id}";
    out += is_id ? id(index) : std::to_string(entry.size);
    left.remove_prefix(brace + (is_id ? 4 : 6));
  }
}

std::string_view Schedule::host(size_t index) const {
  return hosts_.empty() ? std::string_view() : std::string_view(hosts_[entries_[index].host]);
}

std::string Schedule::id(size_t index) const {
  if (target_.empty()) return {};
  const uint32_t text = entries_[index].text;
  return texts_.empty() ? std::to_string(text) : texts_[text];
}

}  // namespace perigee::load
