#include "bench/load/tally.h"

#include <algorithm>

namespace perigee::load {

namespace {

// "perigee-a; hit; ttl=3" becomes "hit", "a; fwd=uri-miss; stored" becomes "uri-miss", and "uri-miss;
// collapsed" when somebody else's request was waited for (RFC 9211).
std::string cache_verdict(std::string_view member) {
  const size_t semicolon = member.find(';');
  if (semicolon == std::string_view::npos) return member.empty() ? "none" : "other";
  const bool collapsed = member.find("; collapsed") != std::string_view::npos;
  std::string_view first = member.substr(semicolon + 1);
  first = first.substr(0, first.find(';'));
  while (!first.empty() && first.front() == ' ') first.remove_prefix(1);
  if (first.substr(0, 4) == "fwd=") first.remove_prefix(4);
  return std::string(first) + (collapsed ? "; collapsed" : "");
}

template <typename T>
void append_member(std::string& out, std::string_view name, T value) {
  if (out.back() != '{') out += ',';
  out += '"';
  out += name;
  out += "\":";
  out += std::to_string(value);
}

void open_member(std::string& out, std::string_view name, char bracket) {
  if (out.back() != '{') out += ',';
  out += '"';
  out += name;
  out += "\":";
  out += bracket;
}

void append_histogram(std::string& out, std::string_view name, const Histogram& histogram) {
  open_member(out, name, '{');
  const auto microseconds = [](uint64_t nanoseconds) { return nanoseconds / 1000; };
  append_member(out, "p50", microseconds(histogram.percentile(0.5)));
  append_member(out, "p90", microseconds(histogram.percentile(0.9)));
  append_member(out, "p99", microseconds(histogram.percentile(0.99)));
  append_member(out, "p999", microseconds(histogram.percentile(0.999)));
  append_member(out, "max", microseconds(histogram.largest()));
  out += '}';
}

// Points of the latency curve: share, microseconds.
void append_curve(std::string& out, const Histogram& histogram) {
  open_member(out, "curve", '[');
  for (const double share : curve_shares) {
    if (out.back() == ']') out += ',';
    out += '[' + std::to_string(share) + ',' + std::to_string(histogram.percentile(share) / 1000) + ']';
  }
  out += ']';
}

}  // namespace

void Tally::add(const Outcome& outcome) {
  ++requests_;
  ++endings_[static_cast<size_t>(outcome.ending)];
  ++faults_[static_cast<size_t>(outcome.fault)];
  if (outcome.status != 0) {
    ++statuses_[outcome.status];
    if (!expected(outcome.status)) ++unexpected_;
    const std::string verdict = cache_verdict(outcome.cache_status);
    auto entry = cache_statuses_.find(verdict);
    if (entry == cache_statuses_.end()) entry = cache_statuses_.emplace(std::string(verdict), 0).first;
    ++entry->second;
  }
  if (outcome.ending == Ending::complete) {
    latency_.add(outcome.done_at - outcome.due_at);
    service_.add(outcome.done_at - outcome.sent_at);
  }
  behind_max_ = std::max(behind_max_, outcome.sent_at - outcome.due_at);
  if (outcome.first_body_at != 0) {
    first_byte_.add(outcome.first_body_at - outcome.sent_at);
    last_first_body_at_ = std::max(last_first_body_at_, outcome.first_body_at);
  }
  if (options_.per_client) {
    clients_.push_back(outcome);
    clients_.back().cache_status = {};  // the view ends with this call
  }
}

bool Tally::expected(int status) const {
  const auto& statuses = options_.expected_statuses;
  return statuses.empty() || std::find(statuses.begin(), statuses.end(), status) != statuses.end();
}

uint64_t Tally::hits() const {
  const auto found = cache_statuses_.find("hit");
  return found == cache_statuses_.end() ? 0 : found->second;
}

bool Tally::good() const {
  const auto count = [this](Ending ending) { return endings_[static_cast<size_t>(ending)]; };
  const uint64_t tolerated = count(Ending::complete) + count(Ending::left) + count(Ending::cut);
  return requests_ > 0 && requests_ == tolerated && unexpected_ == 0 && faults_[0] == requests_;
}

std::string Tally::json(int64_t from, int64_t until) const {
  std::string out = "{";
  append_member(out, "requests", requests_);
  for (size_t i = 0; i < endings_.size(); ++i) append_member(out, ending_names[i], endings_[i]);
  append_member(out, "unexpected_status", unexpected_);
  for (size_t i = 1; i < faults_.size(); ++i) append_member(out, fault_names[i], faults_[i]);
  append_member(out, "bytes", bytes_);
  append_member(out, "seconds", static_cast<double>(until - from) * 1e-9);
  append_member(out, "started_ns", from);
  append_member(out, "ended_ns", until);
  append_member(out, "last_first_body_ns", last_first_body_at_);
  open_member(out, "statuses", '{');
  for (const auto& [status, count] : statuses_) append_member(out, std::to_string(status), count);
  out += '}';
  open_member(out, "cache_status", '{');
  for (const auto& [verdict, count] : cache_statuses_) append_member(out, verdict, count);
  out += '}';
  append_histogram(out, "latency_us", latency_);
  append_histogram(out, "first_byte_us", first_byte_);
  if (options_.open_loop()) {
    append_histogram(out, "service_us", service_);
    append_member(out, "behind_us_max", behind_max_ / 1000);
    append_curve(out, latency_);
  }
  if (options_.per_client) {
    open_member(out, "clients", '[');
    for (const Outcome& outcome : clients_) {
      if (out.back() == '}') out += ',';
      out += '{';
      append_member(out, "client", outcome.client);
      append_member(out, "number", outcome.number);
      append_member(out, "status", outcome.status);
      append_member(out, "bytes", outcome.body_bytes);
      append_member(out, "sent_ns", outcome.sent_at);
      append_member(out, "first_body_ns", outcome.first_body_at);
      append_member(out, "done_ns", outcome.done_at);
      out += ",\"ending\":\"" + std::string(to_string(outcome.ending)) + "\",\"fault\":\"" +
             std::string(to_string(outcome.fault)) + "\"}";
    }
    out += ']';
  }
  out += '}';
  return out;
}

}  // namespace perigee::load
