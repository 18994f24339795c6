#include "origin/recorder.h"

#include <algorithm>

#include "edge/base/json.h"

namespace perigee::origin {
namespace {

int64_t millis(WallTime time) { return time.time_since_epoch().count(); }

// Ids are many in a long benchmark; the counts of the first so many are kept.
constexpr size_t ids_max = 200'000;

}  // namespace

std::string_view to_string(serve::ExchangeEnd end) {
  switch (end) {
    case serve::ExchangeEnd::complete:
      return "complete";
    case serve::ExchangeEnd::client_gone:
      return "client_gone";
    case serve::ExchangeEnd::cut:
      return "cut";
    case serve::ExchangeEnd::shutdown:
      return "shutdown";
  }
  return "shutdown";
}

uint64_t Recorder::begin(const http::RequestHead& request, std::string_view path, WallTime now) {
  Entry entry;
  entry.time = now;
  entry.method = request.method_text;
  entry.target = path;
  for (const http::Field& field : request.fields) {
    entry.fields.emplace_back(std::string(field.name), std::string(field.value));
    for (char& c : entry.fields.back().first) c = to_lower(c);
  }
  const std::lock_guard lock(mutex_);
  entry.number = ++last_;
  ++requests_;
  ++methods_[entry.method];
  running_max_ = std::max(running_max_, ++running_);
  entries_.push_back(std::move(entry));
  if (entries_.size() > log_max_) entries_.pop_front();
  return last_;
}

Recorder::Entry* Recorder::find(uint64_t number) {
  if (entries_.empty() || number < entries_.front().number || number > entries_.back().number) return nullptr;
  return &entries_[static_cast<size_t>(number - entries_.front().number)];
}

void Recorder::about(uint64_t number, std::string_view id, bool is_get) {
  const std::lock_guard lock(mutex_);
  if (Entry* entry = find(number)) entry->id = id;
  if (!is_get) return;
  const auto at = gets_.find(id);
  if (at != gets_.end()) {
    ++at->second;
  } else if (gets_.size() < ids_max) {
    gets_.emplace(id, 1);
  }
}

void Recorder::first_body_byte(uint64_t number, WallTime now) {
  const std::lock_guard lock(mutex_);
  if (Entry* entry = find(number)) entry->first_byte = now;
}

void Recorder::end(uint64_t number, int status, uint64_t body_bytes, std::string_view how, WallTime now) {
  const std::lock_guard lock(mutex_);
  if (running_ > 0) --running_;
  body_bytes_ += body_bytes;
  Entry* entry = find(number);
  if (entry == nullptr) return;
  entry->status = status;
  entry->body_bytes = body_bytes;
  entry->how = how;
  entry->ended = now;
}

std::string Recorder::log(uint64_t after) const {
  const std::lock_guard lock(mutex_);
  std::string lines;
  for (const Entry& entry : entries_) {
    if (entry.number <= after) continue;
    Json fields = Json::object();
    for (const auto& [name, value] : entry.fields) {
      // Several lines of one name as one list, as RFC 9110 5.3 has it.
      if (fields.contains(name)) {
        fields[name] = fields[name].get<std::string>() + ", " + value;
      } else {
        fields[name] = value;
      }
    }
    Json line = {{"number", entry.number},
                 {"time_ms", millis(entry.time)},
                 {"method", entry.method},
                 {"target", entry.target},
                 {"id", entry.id},
                 {"fields", fields},
                 {"end", entry.how},
                 {"status", entry.status},
                 {"body_bytes", entry.body_bytes}};
    if (entry.first_byte != WallTime{}) line["first_byte_ms"] = millis(entry.first_byte);
    if (entry.ended != WallTime{}) line["ended_ms"] = millis(entry.ended);
    lines += to_text(line) + "\n";
  }
  return lines;
}

std::string Recorder::stats() const {
  const std::lock_guard lock(mutex_);
  Json methods = Json::object();
  for (const auto& [method, count] : methods_) methods[method] = count;
  Json gets = Json::object();
  for (const auto& [id, count] : gets_) gets[id] = count;
  const Json stats = {{"requests", requests_},  {"methods", methods},
                      {"gets", gets},           {"bytes_sent", body_bytes_},
                      {"concurrent", running_}, {"concurrent_max", running_max_}};
  return to_text(stats) + "\n";
}

void Recorder::clear() {
  const std::lock_guard lock(mutex_);
  // Numbers go on, so that what still runs ends without being taken for something newer.
  entries_.clear();
  requests_ = 0;
  body_bytes_ = 0;
  running_max_ = running_;
  gets_.clear();
  methods_.clear();
  versions_.clear();
  overrides_.clear();
}

uint64_t Recorder::version(const std::string& id) const {
  const std::lock_guard lock(mutex_);
  const auto at = versions_.find(id);
  return at != versions_.end() ? at->second : 1;
}

uint64_t Recorder::bump(const std::string& id) {
  const std::lock_guard lock(mutex_);
  return ++versions_.try_emplace(id, 1).first->second;
}

void Recorder::set_override(const std::string& id, std::string query) {
  const std::lock_guard lock(mutex_);
  if (query.empty()) {
    overrides_.erase(id);
  } else {
    overrides_[id] = std::move(query);
  }
}

std::string Recorder::override_of(const std::string& id) const {
  const std::lock_guard lock(mutex_);
  const auto at = overrides_.find(id);
  return at != overrides_.end() ? at->second : std::string();
}

}  // namespace perigee::origin
