#include "tests/sim/support/cache_status.h"

#include <charconv>

#include "edge/base/bytes.h"

namespace perigee::sim {

namespace {

template <typename Number>
std::optional<Number> parse_number(std::string_view text) {
  Number value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

bool read_parameter(std::string_view name, std::string_view value, CacheStatusMember& member) {
  if (name == "hit") {
    member.hit = true;
  } else if (name == "collapsed") {
    member.collapsed = true;
  } else if (name == "stored") {
    member.stored = true;
  } else if (name == "fwd") {
    member.fwd = value;
  } else if (name == "fwd-status") {
    member.fwd_status = parse_number<int>(value);
    return member.fwd_status.has_value();
  } else if (name == "ttl") {
    member.ttl = parse_number<long long>(value);
    return member.ttl.has_value();
  } else if (name == "detail") {
    member.detail = value;
  } else {
    return false;
  }
  return true;
}

std::optional<CacheStatusMember> parse_member(std::string_view text) {
  CacheStatusMember member;
  size_t semicolon = text.find(';');
  member.name = trim_ows(text.substr(0, semicolon));
  while (semicolon != std::string_view::npos) {
    text.remove_prefix(semicolon + 1);
    semicolon = text.find(';');
    const std::string_view parameter = trim_ows(text.substr(0, semicolon));
    const size_t equals = parameter.find('=');
    const std::string_view value =
        equals == std::string_view::npos ? std::string_view() : parameter.substr(equals + 1);
    if (!read_parameter(parameter.substr(0, equals), value, member)) return std::nullopt;
  }
  // RFC 9211 2.1, 2.2: a hit was not forwarded.
  if (member.name.empty() || (member.hit && !member.fwd.empty())) return std::nullopt;
  return member;
}

}  // namespace

std::optional<std::vector<CacheStatusMember>> parse_cache_status(std::string_view value) {
  std::vector<CacheStatusMember> members;
  while (!trim_ows(value).empty()) {
    const size_t comma = value.find(',');
    auto member = parse_member(value.substr(0, comma));
    if (!member) return std::nullopt;
    members.push_back(std::move(*member));
    if (comma == std::string_view::npos) break;
    value.remove_prefix(comma + 1);
  }
  return members;
}

}  // namespace perigee::sim
