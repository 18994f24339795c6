#include "edge/proxy/stored_answer.h"

#include <fmt/format.h>

#include "edge/http/conditional.h"
#include "edge/http/h1.h"
#include "edge/http/range.h"
#include "edge/serve/owned_reply.h"

namespace perigee::proxy {

namespace {

using http::FieldId;

bool has_conditions(const http::FieldList& fields) {
  for (const http::Field& field : fields) {
    switch (field.id) {
      case FieldId::if_match:
      case FieldId::if_none_match:
      case FieldId::if_modified_since:
      case FieldId::if_unmodified_since:
      case FieldId::range:
        return true;
      default:
        break;
    }
  }
  return false;
}

http::Validators validators_in(std::string_view lines) {
  http::Validators validators;
  http::FieldLines fields(lines.substr(lines.find("\r\n") + 2));
  for (std::string_view name, value; fields.next(name, value);) {
    if (name == "etag") validators.etag = value;
    if (name == "last-modified") validators.last_modified = value;
    if (name == "date") validators.date = value;
  }
  return validators;
}

// RFC 9110 15.4.5: a 304 repeats what would tell the client something new, and no more.
bool belongs_in_304(std::string_view name) {
  return name == "cache-control" || name == "content-location" || name == "date" || name == "etag" ||
         name == "expires" || name == "vary" || name == "last-modified" || name == "via" ||
         name == "cache-status" || name == "cdn-cache-control" || name == "set-cookie" || name == "age" ||
         name == "access-control-allow-origin";
}

void acquire_stored(void* reader, const void* response) {
  static_cast<cache::Reader*>(reader)->pin(*static_cast<const cache::StoredResponse*>(response));
}
void release_stored(void* reader, const void* response) {
  static_cast<cache::Reader*>(reader)->unpin(*static_cast<const cache::StoredResponse*>(response));
}

}  // namespace

StoredPlan plan_stored(const http::RequestHead& request, int status, std::string_view lines, uint64_t length,
                       WallTime now) {
  StoredPlan plan;
  plan.status = status;
  plan.length = length;
  if (status != 200 || !has_conditions(request.fields)) return plan;
  const http::Validators validators = validators_in(lines);
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
  if (request.method != http::Method::get || !request.fields.has(FieldId::range)) return plan;
  if (!http::if_range_matches(request, validators, now_s)) return plan;
  const auto specs = http::parse_range(request.fields.value(FieldId::range));
  if (!specs) return plan;
  const http::ResolvedRanges resolved = http::resolve_ranges(*specs, length);
  if (resolved.outcome == http::ResolvedRanges::Outcome::unsatisfiable) plan.status = 416;
  // More than one range: the whole representation answers them all (RFC 9110 14.2 leaves the choice to us).
  if (resolved.outcome != http::ResolvedRanges::Outcome::partial || resolved.ranges.size() != 1) return plan;
  plan.status = 206;
  plan.first = resolved.ranges[0].first;
  plan.length = resolved.ranges[0].length();
  return plan;
}

void write_planned_head(const StoredPlan& plan, std::string_view stored_lines, uint64_t length,
                        std::string& out) {
  out.clear();
  http::HeadWriter head(out);
  head.status_line(plan.status, "");
  http::FieldLines fields(stored_lines.substr(stored_lines.find("\r\n") + 2));
  for (std::string_view name, value; fields.next(name, value);) {
    const bool wanted = plan.status == 206 || (plan.status == 304 && belongs_in_304(name)) || name == "date";
    if (wanted) head.field(name, value);
  }
  if (plan.status == 206) {
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

bool reply_stored(serve::ServerExchange& exchange, cache::Reader& reader, const cache::StoredResponse& stored,
                  bool head_only, const StoredPlan& plan, std::string_view more_lines,
                  std::string& lines_scratch, serve::ReplyHead& head) {
  const uint64_t length = stored.body_length();
  head.status = plan.status;
  head.more_lines = more_lines;
  head.content_length = planned_content_length(plan, length);
  if (plan.status != stored.meta().status) {
    write_planned_head(plan, stored.head(), length, lines_scratch);
    head.lines = lines_scratch;
    const bool sends = plan.status == 206 && !head_only;
    if (sends && !stored.has_small_body()) return false;
    std::string body(sends ? stored.small_body().substr(plan.first, plan.length) : std::string_view());
    std::string lines = lines_scratch;
    lines += more_lines;
    serve::reply_owned(exchange, plan.status, head.content_length, std::move(lines), std::move(body));
    return true;
  }
  head.lines = stored.head();
  if (!stored.has_small_body() && !head_only) return false;
  exchange.reply(head, head_only ? std::string_view() : stored.small_body(),
                 serve::Hold{&acquire_stored, &release_stored, &reader, &stored});
  return true;
}

}  // namespace perigee::proxy
