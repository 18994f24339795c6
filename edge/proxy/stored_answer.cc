#include "edge/proxy/stored_answer.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "edge/http/byteranges.h"
#include "edge/http/h1.h"
#include "edge/serve/owned_reply.h"

namespace perigee::proxy {

namespace {

using http::FieldId;

// A body in more blocks is streamed.
constexpr size_t pieces_max = 8;

// What may make the answer another than the whole of what is stored.
constexpr http::FieldSet conditions =
    http::field_set(FieldId::if_match, FieldId::if_none_match, FieldId::if_modified_since,
                    FieldId::if_unmodified_since, FieldId::range);

// RFC 9110 15.4.5: a 304 repeats what would tell the client something new, and no more.
bool belongs_in_304(std::string_view name) {
  return name == "cache-control" || name == "content-location" || name == "date" || name == "etag" ||
         name == "expires" || name == "vary" || name == "last-modified" || name == "via" ||
         name == "cache-status" || name == "cdn-cache-control" || name == "set-cookie" || name == "age" ||
         name == "access-control-allow-origin";
}

// RFC 9110 8.3 to 8.5, RFC 9530: a peer keeps the bytes that it has, and what it was told of them.
bool describes_content(std::string_view name) {
  return name == "content-type" || name == "content-encoding" || name == "content-language" ||
         name == "content-range" || name == "content-md5" || name == "content-digest" ||
         name == "repr-digest";
}

// Any field may bear on reuse and purging: what a site calls its targeted fields is its own affair, and the
// peer may have another configuration already.
bool repeats(const StoredPlan& plan, std::string_view name) {
  if (plan.status == 206 || name == "date") return true;
  return plan.status == 304 && (plan.for_peer ? !describes_content(name) : belongs_in_304(name));
}

// RFC 9110 14.1.1: the last bytes of nothing are a satisfiable range, which no Content-Range can express.
bool ends_in_reach(const std::vector<http::RangeSpec>& specs) {
  return std::any_of(specs.begin(), specs.end(),
                     [](const http::RangeSpec& spec) { return !spec.first && *spec.last > 0; });
}

void acquire_stored(void* reader, const void* response) {
  static_cast<cache::Reader*>(reader)->pin(*static_cast<const cache::StoredResponse*>(response));
}
void release_stored(void* reader, const void* response) {
  static_cast<cache::Reader*>(reader)->unpin(*static_cast<const cache::StoredResponse*>(response));
}

}  // namespace

std::string_view stored_field(std::string_view stored_lines, std::string_view wanted) {
  http::FieldLines fields(stored_lines.substr(stored_lines.find("\r\n") + 2));
  for (std::string_view name, value; fields.next(name, value);) {
    if (name == wanted) return value;
  }
  return {};
}

http::Validators stored_validators(std::string_view stored_lines) {
  http::Validators validators;
  http::FieldLines fields(stored_lines.substr(stored_lines.find("\r\n") + 2));
  for (std::string_view name, value; fields.next(name, value);) {
    if (name == "etag") validators.etag = value;
    if (name == "last-modified") validators.last_modified = value;
    if (name == "date") validators.date = value;
  }
  return validators;
}

StoredPlan plan_stored(const http::RequestHead& request, int status, std::string_view lines, uint64_t length,
                       WallTime now, Random& random) {
  StoredPlan plan;
  plan.status = status;
  plan.length = length;
  // RFC 9110 13.2.1: conditions count where the answer would be 2xx without them.
  if (status < 200 || status > 299 || !request.fields.has_any(conditions)) return plan;
  const http::Validators validators = stored_validators(lines);
  const int64_t now_s = unix_seconds(now);
  switch (http::evaluate_conditions(request, validators, http::Evaluator::cache, now_s)) {
    case http::Precondition::not_modified:
      plan.status = 304;
      return plan;
    case http::Precondition::failed:
      plan.status = 412;
      return plan;
    case http::Precondition::proceed:
      break;
  }
  if (status != 200 || request.method != http::Method::get || !request.fields.has(FieldId::range))
    return plan;
  if (!http::if_range_matches(request, validators, now_s)) return plan;
  const auto specs = http::parse_range(request.fields.value(FieldId::range));
  if (!specs || (length == 0 && ends_in_reach(*specs))) return plan;
  http::ResolvedRanges resolved = http::resolve_ranges(*specs, length);
  switch (resolved.outcome) {
    case http::ResolvedRanges::Outcome::unsatisfiable:
      plan.status = 416;
      return plan;
    case http::ResolvedRanges::Outcome::too_many:
      plan.too_many = true;
      return plan;
    case http::ResolvedRanges::Outcome::partial:
      break;
  }
  plan.status = 206;
  plan.first = resolved.ranges[0].first;
  plan.length = resolved.ranges[0].length();
  if (resolved.ranges.size() == 1) return plan;
  plan.ranges = std::move(resolved.ranges);
  plan.boundary = random.next();
  plan.length = 0;
  for (const Part& part : parts_of(plan, lines, length)) plan.length += part.text.size() + part.length;
  return plan;
}

std::vector<Part> parts_of(const StoredPlan& plan, std::string_view stored_lines, uint64_t length) {
  if (!plan.is_multipart()) return {{"", plan.first, plan.length}};
  const std::string_view type = stored_field(stored_lines, "content-type");
  std::vector<Part> parts;
  for (const http::ByteRange& range : plan.ranges) {
    parts.push_back({http::byteranges_part(plan.boundary, type, range, length), range.first, range.length()});
  }
  parts.push_back({http::byteranges_end(plan.boundary), 0, 0});
  return parts;
}

std::optional<cache::ByteRun> missing_of(const StoredPlan& plan, const cache::SparseBody& body) {
  for (const http::ByteRange& range : plan.ranges) {
    if (const auto gap = body.missing({range.first, range.last})) return gap;
  }
  if (plan.is_multipart() || plan.length == 0) return std::nullopt;
  return body.missing({plan.first, plan.first + plan.length - 1});
}

void write_planned_head(const StoredPlan& plan, std::string_view stored_lines, uint64_t length,
                        std::string& out) {
  out.clear();
  http::HeadWriter head(out);
  head.status_line(plan.status, "");
  http::FieldLines fields(stored_lines.substr(stored_lines.find("\r\n") + 2));
  for (std::string_view name, value; fields.next(name, value);) {
    if (plan.is_multipart() && name == "content-type") continue;
    if (repeats(plan, name)) head.field(name, value);
  }
  if (plan.is_multipart()) {
    head.field("content-type", http::byteranges_type(plan.boundary));
  } else if (plan.status == 206) {
    head.field("content-range",
               fmt::format("bytes {}-{}/{}", plan.first, plan.first + plan.length - 1, length));
  } else if (plan.status == 416) {
    head.field("content-range", fmt::format("bytes */{}", length));
  }
}

uint64_t planned_content_length(const StoredPlan& plan, uint64_t representation_length) {
  switch (plan.status) {
    case 206:
      return plan.length;
    case 412:
    case 416:
      return 0;
    case 304:
      return serve::ReplyHead::unknown_length;
    default:
      return representation_length;
  }
}

serve::Hold hold_of(cache::Reader& reader, const cache::StoredResponse& stored) {
  return {&acquire_stored, &release_stored, &reader, &stored};
}

bool reply_stored(serve::ServerExchange& exchange, cache::Reader& reader, const cache::StoredResponse& stored,
                  bool head_only, const StoredPlan& plan, std::string_view more_lines,
                  std::string& lines_scratch, serve::ReplyHead& head) {
  const uint64_t length = stored.body_length();
  head.status = plan.status;
  head.more_lines = more_lines;
  head.content_length = length;
  if (plan.status != stored.meta().status) {
    head.content_length = planned_content_length(plan, length);
    write_planned_head(plan, stored.head(), length, lines_scratch);
    head.lines = lines_scratch;
    const bool sends = plan.status == 206 && !head_only;
    if (sends && !stored.has_small_body()) return false;
    std::string body;
    for (const Part& part : sends ? parts_of(plan, stored.head(), length) : std::vector<Part>()) {
      body += part.text;
      body += stored.small_body().substr(part.first, part.length);
    }
    std::string lines = lines_scratch;
    lines += more_lines;
    serve::reply_owned(exchange, plan.status, head.content_length, std::move(lines), std::move(body));
    return true;
  }
  head.lines = stored.head();
  const serve::Hold hold = hold_of(reader, stored);
  if (!stored.has_small_body() && !head_only) {
    std::array<Slice, pieces_max> pieces;
    const size_t count = stored.large_body()->pieces(pieces);
    return count != 0 && exchange.reply_in_pieces(head, {pieces.data(), count}, hold);
  }
  exchange.reply(head, head_only ? std::string_view() : stored.small_body(), hold);
  return true;
}

}  // namespace perigee::proxy
