#include "origin/script.h"

#include <array>
#include <charconv>

#include "edge/base/bytes.h"
#include "edge/http/h1.h"
#include "edge/http/h1_lines.h"
#include "edge/http/lists.h"
#include "origin/self_verifying.h"

namespace perigee::origin {
namespace {

template <typename T>
bool assign(std::optional<T> parsed, T& into) {
  if (parsed) into = *parsed;
  return parsed.has_value();
}

bool assign(std::optional<uint64_t> parsed, std::optional<uint64_t>& into) {
  into = parsed;
  return parsed.has_value();
}

bool assign_flag(std::string_view text, bool& into) {
  into = text == "1";
  return text == "1" || text == "0";
}

bool is_field_value(std::string_view text) {
  for (const char c : text) {
    if ((static_cast<unsigned char>(c) < ' ' && c != '\t') || c == 0x7f) return false;
  }
  return true;
}

bool set_text(std::string& into, std::string_view text) {
  into = trim_ows(text);
  return is_field_value(text);
}

bool add_field(Script& script, std::string_view name, std::string_view value) {
  if (!http::is_token(name) || !is_field_value(value)) return false;
  std::string lower(name);
  for (char& c : lower) c = to_lower(c);
  http::HeadWriter(script.field_lines).field(lower, trim_ows(value));
  return true;
}

bool add_pair(Script& script, std::string_view text) {
  const size_t colon = text.find(':');
  if (colon == std::string_view::npos) return false;
  return add_field(script, text.substr(0, colon), text.substr(colon + 1));
}

bool set_interim(Script& script, std::string_view text) {
  http::ListMembers members(text);
  std::string_view member;
  while (members.next(member)) {
    const auto status = parse_decimal(member);
    if (!status || (*status != 102 && *status != 103)) return false;
    script.interim.push_back(static_cast<int>(*status));
  }
  return true;
}

bool set_vary(Script& script, std::string_view text) {
  http::ListMembers members(text);
  std::string_view member;
  script.vary.clear();
  while (members.next(member)) {
    if (member != "*" && !http::is_token(member)) return false;
    script.vary.emplace_back(member);
  }
  return true;
}

bool set_framing(Script& script, std::string_view text) {
  if (text == "length") {
    script.framing = ScriptFraming::length;
  } else if (text == "chunked") {
    script.framing = ScriptFraming::chunked;
  } else if (text == "close") {
    script.framing = ScriptFraming::until_close;
  } else {
    return false;
  }
  return true;
}

bool set_chunked(Script& script, std::string_view text) {
  bool chunked = false;
  const bool good = assign_flag(text, chunked);
  script.framing = chunked ? ScriptFraming::chunked : ScriptFraming::length;
  return good;
}

bool set_status(Script& script, std::string_view text) {
  const auto status = parse_decimal(text);
  if (!status || *status < 200 || *status > 999) return false;
  script.status = static_cast<int>(*status);
  return true;
}

bool set_etag(Script& script, std::string_view text) {
  const bool quoted = text.ends_with('"');
  script.etag = text == "none" || quoted ? std::string(text) : "\"" + std::string(text) + "\"";
  for (const char c : text) {
    if (static_cast<unsigned char>(c) <= ' ') return false;
  }
  return true;
}

bool set_last_modified(Script& script, std::string_view text) {
  const auto seconds = parse_decimal(text);
  if (!seconds || *seconds > 253'402'300'799) return false;
  script.last_modified = static_cast<int64_t>(*seconds);
  return true;
}

struct Parameter {
  std::string_view name;
  std::string_view expected;
  bool (*set)(Script& script, const std::string& value);
};

constexpr Parameter parameters[] = {
    {"size", "bytes, such as 1500, 20MB or 64KiB",
     [](Script& s, const std::string& v) { return assign(parse_size(v), s.size); }},
    {"version", "a number",
     [](Script& s, const std::string& v) { return assign(parse_decimal(v), s.version); }},
    {"id", "a text", [](Script& s, const std::string& v) { return set_text(s.id, v); }},
    {"vary", "field names", [](Script& s, const std::string& v) { return set_vary(s, v); }},
    {"etag", "an entity-tag or none", [](Script& s, const std::string& v) { return set_etag(s, v); }},
    {"lm", "seconds of Unix time", [](Script& s, const std::string& v) { return set_last_modified(s, v); }},
    {"latency", "a time, such as 5s or 200ms",
     [](Script& s, const std::string& v) { return assign(parse_duration(v), s.latency); }},
    {"pause", "a time",
     [](Script& s, const std::string& v) { return assign(parse_duration(v), s.pace.pause); }},
    {"rate", "bytes a second",
     [](Script& s, const std::string& v) { return assign(parse_size(v), s.pace.bytes_per_second); }},
    {"drip", "a time",
     [](Script& s, const std::string& v) { return assign(parse_duration(v), s.pace.drip); }},
    {"framing", "length, chunked or close",
     [](Script& s, const std::string& v) { return set_framing(s, v); }},
    {"chunked", "0 or 1", [](Script& s, const std::string& v) { return set_chunked(s, v); }},
    {"ranges", "0 or 1", [](Script& s, const std::string& v) { return assign_flag(v, s.ranges); }},
    {"interim", "102 and 103", [](Script& s, const std::string& v) { return set_interim(s, v); }},
    {"status", "200 to 999", [](Script& s, const std::string& v) { return set_status(s, v); }},
    {"cc", "a field value", [](Script& s, const std::string& v) { return set_text(s.cache_control, v); }},
    {"ct", "a field value", [](Script& s, const std::string& v) { return set_text(s.content_type, v); }},
    {"location", "a field value",
     [](Script& s, const std::string& v) { return add_field(s, "location", v); }},
    {"setcookie", "a field value",
     [](Script& s, const std::string& v) { return add_field(s, "set-cookie", v); }},
    {"h", "name:value", [](Script& s, const std::string& v) { return add_pair(s, v); }},
    {"truncate", "bytes",
     [](Script& s, const std::string& v) { return assign(parse_size(v), s.lies.truncate); }},
    {"reset", "bytes", [](Script& s, const std::string& v) { return assign(parse_size(v), s.lies.reset); }},
    {"stall", "bytes", [](Script& s, const std::string& v) { return assign(parse_size(v), s.lies.stall); }},
    {"overrun", "bytes",
     [](Script& s, const std::string& v) { return assign(parse_size(v), s.lies.overrun); }},
    {"length", "bytes",
     [](Script& s, const std::string& v) { return assign(parse_size(v), s.lies.announced); }},
    {"badchunk", "bytes",
     [](Script& s, const std::string& v) { return assign(parse_size(v), s.lies.bad_chunk); }},
    {"garbage", "0 or 1", [](Script& s, const std::string& v) { return assign_flag(v, s.lies.garbage); }},
    {"silent", "0 or 1", [](Script& s, const std::string& v) { return assign_flag(v, s.lies.silent); }},
    {"slowhead", "a time",
     [](Script& s, const std::string& v) { return assign(parse_duration(v), s.lies.slow_head); }},
};

std::string default_etag(uint64_t seed, uint64_t size) {
  std::array<char, 32> digits;
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), seed, 16).ptr;
  return "\"" + std::string(digits.data(), end) + "-" + std::to_string(size) + "\"";
}

std::string join(const std::vector<std::string>& names) {
  std::string list;
  for (const std::string& name : names) list += list.empty() ? name : ", " + name;
  return list;
}

}  // namespace

std::optional<uint64_t> parse_size(std::string_view text) {
  constexpr std::pair<std::string_view, uint64_t> units[] = {
      {"KiB", 1024}, {"MiB", 1024 * 1024}, {"GiB", 1024 * 1024 * 1024}, {"kB", 1000},
      {"KB", 1000},  {"MB", 1000 * 1000},  {"GB", 1000 * 1000 * 1000},
  };
  uint64_t factor = 1;
  for (const auto& [unit, bytes] : units) {
    if (!text.ends_with(unit)) continue;
    factor = bytes;
    text.remove_suffix(unit.size());
    break;
  }
  const auto number = parse_decimal(text);
  if (!number || *number > (uint64_t{1} << 50) / factor) return std::nullopt;
  return *number * factor;
}

std::optional<Duration> parse_duration(std::string_view text) {
  constexpr std::pair<std::string_view, Duration> units[] = {{"ms", std::chrono::milliseconds(1)},
                                                             {"us", std::chrono::microseconds(1)},
                                                             {"s", std::chrono::seconds(1)}};
  for (const auto& [unit, length] : units) {
    if (!text.ends_with(unit)) continue;
    const auto number = parse_decimal(text.substr(0, text.size() - unit.size()));
    if (!number || *number > 86'400'000) return std::nullopt;
    return length * static_cast<int64_t>(*number);
  }
  return std::nullopt;
}

Result<Script> parse_script(const Query& query) {
  Script script;
  for (const auto& [name, value] : query.pairs()) {
    for (const Parameter& parameter : parameters) {
      if (parameter.name != name || parameter.set(script, value)) continue;
      return fail(Side::client, "bad_script",
                  name + "=" + value + ": expected " + std::string(parameter.expected));
    }
  }
  return script;
}

std::string body_identity(const Script& script, const http::RequestHead& request) {
  std::string identity = script.id.empty() ? std::string(request.path) : script.id;
  for (const std::string& name : script.vary) {
    const http::Field* field = request.fields.find(name);
    identity.append("|");
    if (field != nullptr) identity.append(field->value);
  }
  return identity;
}

Answer script_answer(const Script& script, const http::RequestHead& request, const std::string& identity,
                     WallTime now) {
  const uint64_t seed = body_seed(identity, script.version);
  Representation representation;
  representation.content_type = script.content_type;
  http::HeadWriter writer(representation.more_lines);
  writer.field("x-body-id", identity);
  writer.field("x-version", script.version);
  writer.field("x-body-length", script.size);
  if (!script.cache_control.empty()) writer.field("cache-control", script.cache_control);
  if (!script.vary.empty()) writer.field("vary", join(script.vary));
  representation.more_lines.append(script.field_lines);
  representation.etag = script.etag.value_or(default_etag(seed, script.size));
  if (representation.etag == "none") representation.etag.clear();
  representation.last_modified = script.last_modified;
  representation.accepts_ranges = script.ranges;
  representation.content = std::make_shared<PatternContent>(seed, script.size + script.lies.overrun);
  Answer answer;
  if (script.status == 200 && script.lies.overrun == 0) {
    answer = answer_with(request, representation, now);
  } else {
    answer.status = script.status;
    answer.lines = head_start(script.status, now);
    http::HeadWriter(answer.lines).field("content-type", representation.content_type);
    if (!representation.etag.empty()) {
      http::HeadWriter(answer.lines).field("etag", representation.etag);
    }
    answer.lines.append(representation.more_lines);
    answer.content = representation.content;
    if (script.status != 204 && script.status != 304) {
      answer.parts.push_back({{}, 0, representation.content->size()});
    }
  }
  answer.known_length = script.framing == ScriptFraming::length;
  return answer;
}

}  // namespace perigee::origin
