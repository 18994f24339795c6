#include "edge/cache/stored_head.h"

#include <algorithm>
#include <array>

#include "edge/base/bytes.h"
#include "edge/http/cache_control.h"
#include "edge/http/date.h"
#include "edge/http/entity_tag.h"
#include "edge/http/h1.h"
#include "edge/http/lists.h"

namespace perigee::cache {

namespace {

using http::FieldId;

bool is_one_of(std::string_view name, std::initializer_list<std::string_view> names) {
  return std::any_of(names.begin(), names.end(),
                     [&](std::string_view one) { return equal_ignoring_case(name, one); });
}

bool belongs_to_connection(const http::Field& field) {
  switch (field.id) {
    case FieldId::age:
    case FieldId::connection:
    case FieldId::content_length:
    case FieldId::keep_alive:
    case FieldId::perigee_peer:
    case FieldId::perigee_peer_auth:
    case FieldId::proxy_authenticate:
    case FieldId::proxy_authorization:
    case FieldId::proxy_connection:
    case FieldId::te:
    case FieldId::trailer:
    case FieldId::transfer_encoding:
    case FieldId::upgrade:
      return true;
    case FieldId::other:
      return equal_ignoring_case(field.name, "proxy-authentication-info");
    default:
      return false;
  }
}

bool describes_stored_bytes(std::string_view name) {
  return is_one_of(name,
                   {"content-encoding", "content-range", "content-md5", "content-digest", "repr-digest"});
}

bool connection_names(const http::FieldList& fields, std::string_view name) {
  http::ListMembers members(fields, "connection");
  std::string_view member;
  while (members.next(member)) {
    if (equal_ignoring_case(member, name)) return true;
  }
  return false;
}

// The names in qualified private and no-cache, in lower case, of the field that decides (RFC 9213 2.2).
std::vector<std::string> qualified_names(const http::FieldList& fields, const PolicyOptions& options) {
  std::optional<http::ResponseCacheControl> control = targeted_cache_control(fields, options);
  if (!control) control = http::parse_response_cache_control(fields);
  std::vector<std::string> names = std::move(control->private_fields);
  names.insert(names.end(), control->no_cache_fields.begin(), control->no_cache_fields.end());
  return names;
}

bool is_named(const std::vector<std::string>& names, std::string_view name) {
  return std::any_of(names.begin(), names.end(),
                     [&](const std::string& one) { return equal_ignoring_case(one, name); });
}

void write_date(WallTime at, http::HeadWriter& writer) {
  char text[http::date_bytes];
  writer.field("date", http::format_date(unix_seconds(at), text));
}

void write_head(const http::ResponseHead& response, const std::vector<std::string>& dropped,
                WallTime response_time, std::string& out) {
  out.clear();
  http::HeadWriter writer(out);
  writer.status_line(response.status, response.reason);
  const bool has_connection = response.fields.has(FieldId::connection);
  bool has_date = false;
  for (const http::Field& field : response.fields) {
    if (belongs_to_connection(field) || is_named(dropped, field.name)) continue;
    if (has_connection && connection_names(response.fields, field.name)) continue;
    has_date = has_date || field.id == FieldId::date;
    writer.field(field.name, field.value);
  }
  if (!has_date) write_date(response_time, writer);
}

std::optional<http::EntityTag> entity_tag(const http::FieldList& fields) {
  return http::parse_entity_tag(fields.value(FieldId::etag));
}

// The fields of an update that take the place of stored ones.
std::vector<http::Field> replacing_fields(const http::FieldList& update, const http::FieldList& stored,
                                          const std::vector<std::string>& dropped) {
  std::vector<http::Field> fields;
  for (const http::Field& field : update) {
    if (belongs_to_connection(field) || connection_names(update, field.name)) continue;
    if (describes_stored_bytes(field.name) || is_named(dropped, field.name)) continue;
    if (field.id == FieldId::etag && stored.has(FieldId::etag)) continue;
    fields.push_back(field);
  }
  return fields;
}

}  // namespace

void write_stored_head(const http::ResponseHead& response, WallTime response_time,
                       const PolicyOptions& options, std::string& out) {
  write_head(response, qualified_names(response.fields, options), response_time, out);
}

void write_forwarded_head(const http::ResponseHead& response, WallTime response_time, std::string& out) {
  write_head(response, {}, response_time, out);
}

bool has_qualified_fields(const http::ResponseHead& response, const PolicyOptions& options) {
  const std::vector<std::string> names = qualified_names(response.fields, options);
  return std::any_of(names.begin(), names.end(),
                     [&](const std::string& name) { return response.fields.find(name) != nullptr; });
}

http::ResponseHead read_stored_head(std::string_view lines) {
  http::ResponseHead head;
  const size_t end = lines.find("\r\n");
  if (end == std::string_view::npos) return head;
  const std::string_view status_line = lines.substr(0, end);  // "HTTP/1.1 200 OK"
  if (status_line.size() >= 12)
    head.status = static_cast<int>(parse_decimal(status_line.substr(9, 3)).value_or(0));
  if (status_line.size() > 13) head.reason = status_line.substr(13);
  http::FieldLines fields(lines.substr(end + 2));
  std::string_view name;
  std::string_view value;
  while (fields.next(name, value)) head.fields.add(name, value);
  return head;
}

bool identifies(std::string_view stored, const http::FieldList& update) {
  const http::ResponseHead head = read_stored_head(stored);
  const auto mine = entity_tag(head.fields);
  if (const auto theirs = entity_tag(update)) {
    if (!theirs->weak) return mine && http::strong_match(*mine, *theirs);
    return !mine || http::weak_match(*mine, *theirs);
  }
  const std::string_view my_date = head.fields.value(FieldId::last_modified);
  const std::string_view their_date = update.value(FieldId::last_modified);
  return my_date.empty() || their_date.empty() || my_date == their_date;
}

HeadSays head_says(std::string_view stored, uint64_t body_bytes, const http::ResponseHead& head) {
  const http::ResponseHead mine = read_stored_head(stored);
  if (mine.status != head.status) return HeadSays::contradicts;
  if (head.fields.has(FieldId::content_length) &&
      parse_decimal(head.fields.value(FieldId::content_length)) != body_bytes) {
    return HeadSays::contradicts;
  }
  if (!identifies(stored, head.fields)) return HeadSays::contradicts;
  const auto both_have = [&](FieldId id) { return mine.fields.has(id) && head.fields.has(id); };
  return both_have(FieldId::etag) || both_have(FieldId::last_modified) ? HeadSays::confirms
                                                                       : HeadSays::nothing;
}

void update_stored_head(std::string_view stored, const http::FieldList& update, WallTime response_time,
                        const PolicyOptions& options, std::string& out) {
  const http::ResponseHead head = read_stored_head(stored);
  const std::vector<http::Field> replacing =
      replacing_fields(update, head.fields, qualified_names(update, options));
  const auto is_replaced = [&](std::string_view name) {
    return std::any_of(replacing.begin(), replacing.end(),
                       [&](const http::Field& field) { return equal_ignoring_case(field.name, name); });
  };
  const bool has_date = is_replaced("date");
  out.clear();
  http::HeadWriter writer(out);
  writer.status_line(head.status, head.reason);
  for (const http::Field& field : head.fields) {
    if (!is_replaced(field.name) && field.id != FieldId::date) writer.field(field.name, field.value);
  }
  for (const http::Field& field : replacing) writer.field(field.name, field.value);
  if (!has_date) write_date(response_time, writer);
}

Storability judge_updated(const http::RequestHead& request, const RequestPolicy& request_policy,
                          std::string_view updated_lines, const http::FieldList& update,
                          WallTime request_time, WallTime response_time, const PolicyOptions& options) {
  http::ResponseHead head = read_stored_head(updated_lines);
  for (const http::Field& field : update) {
    if (field.id == FieldId::age) head.fields.add(field);
  }
  return judge_response(request, request_policy, head, request_time, response_time, options);
}

}  // namespace perigee::cache
