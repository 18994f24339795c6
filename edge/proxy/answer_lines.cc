#include "edge/proxy/answer_lines.h"

#include <algorithm>
#include <charconv>

#include "edge/http/cache_status.h"

namespace perigee::proxy {

namespace {

void append_number(int64_t value, std::string& out) {
  char digits[24];
  const auto end = std::to_chars(digits, digits + sizeof digits, value).ptr;
  out.append(digits, end);
}

void append_place(std::string_view name, const cluster::LogPosition& place, std::string& out) {
  out += name;
  append_number(static_cast<int64_t>(place.epoch), out);
  out += '.';
  append_number(static_cast<int64_t>(place.sequence), out);
}

}  // namespace

void append_peer_line(std::string_view line, uint32_t in_flight, std::optional<cluster::LogPosition> position,
                      std::optional<cluster::LogPosition> stamp, std::string& lines) {
  lines += line.substr(0, line.size() - 2);
  lines += ";in_flight=";
  append_number(in_flight, lines);
  if (position) append_place(";pos=", *position, lines);
  if (position && stamp) append_place(";stamp=", *stamp, lines);
  lines += "\r\n";
}

void append_cache_status(std::string_view node_name, const AnswerOrigin& origin, std::string& lines) {
  http::CacheStatus status;
  status.cache = node_name;
  status.hit = origin.hit;
  if (origin.has_reason) status.fwd = to_string(origin.reason);
  status.fwd_status = origin.fwd_status;
  if (origin.has_ttl) status.ttl = origin.ttl;
  status.stored = origin.stored;
  status.collapsed = origin.collapsed;
  status.key = origin.key;
  status.detail = origin.detail;
  char member[http::cache_status_bytes];
  lines += "cache-status: ";
  lines += http::write_cache_status(status, member);
  lines += "\r\n";
}

void append_age(int64_t seconds, std::string& lines) {
  lines += "age: ";
  append_number(std::clamp<int64_t>(seconds, 0, int64_t{1} << 31), lines);
  lines += "\r\n";
}

std::string_view cache_word(const AnswerOrigin& origin, bool failed) {
  if (failed) return "error";
  if (origin.detail == detail_stale_if_error) return "stale";
  if (origin.hit) return origin.ttl < 0 ? "stale" : "hit";
  if (origin.collapsed) return "collapsed";
  if (origin.fwd_status == 304) return "revalidated";
  const bool uncached =
      origin.reason == cache::ForwardReason::bypass || origin.reason == cache::ForwardReason::method;
  return uncached ? "bypass" : "miss";
}

void append_via(std::string_view node_name, std::string& lines) {
  lines += "via: 1.1 ";
  lines += node_name;
  lines += "\r\n";
}

}  // namespace perigee::proxy
