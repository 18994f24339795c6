#include "origin/answer.h"

#include <array>

#include "edge/http/conditional.h"
#include "edge/http/date.h"
#include "edge/http/h1.h"
#include "edge/http/range.h"

namespace perigee::origin {
namespace {

constexpr std::string_view boundary = "perigee-origin-7MA4YWxkTrZu0gW";

std::string date_text(int64_t seconds) {
  std::array<char, http::date_bytes> buffer;
  return std::string(http::format_date(seconds, buffer));
}

void add_validators(http::HeadWriter& writer, const Representation& representation) {
  if (!representation.etag.empty()) writer.field("etag", representation.etag);
  if (representation.last_modified) writer.field("last-modified", date_text(*representation.last_modified));
}

std::string content_range(const http::ByteRange& range, uint64_t size) {
  std::array<char, http::content_range_bytes> buffer;
  return std::string(http::format_content_range({range, size}, buffer));
}

Answer unsatisfiable(const Representation& representation, WallTime now) {
  const std::string size = std::to_string(representation.content->size());
  return text_answer(416, "text/plain; charset=utf-8", "the range does not exist\n", now,
                     "content-range: bytes */" + size + "\r\n");
}

void add_single(Answer& answer, http::HeadWriter& writer, const Representation& representation,
                const http::ByteRange& range) {
  writer.field("content-type", representation.content_type);
  writer.field("content-range", content_range(range, representation.content->size()));
  answer.parts.push_back({{}, range.first, range.length()});
}

// RFC 9110 14.6.
void add_multipart(Answer& answer, http::HeadWriter& writer, const Representation& representation,
                   const std::vector<http::ByteRange>& ranges) {
  writer.field("content-type", "multipart/byteranges; boundary=" + std::string(boundary));
  for (const http::ByteRange& range : ranges) {
    std::string text = "\r\n--" + std::string(boundary) + "\r\ncontent-type: " + representation.content_type +
                       "\r\ncontent-range: " + content_range(range, representation.content->size()) +
                       "\r\n\r\n";
    answer.parts.push_back({std::move(text), range.first, range.length()});
  }
  answer.parts.push_back({"\r\n--" + std::string(boundary) + "--\r\n", 0, 0});
}

std::optional<http::ResolvedRanges> resolve(const http::RequestHead& request, uint64_t size) {
  const http::Field* field = request.fields.find(http::FieldId::range);
  const auto specs = field != nullptr ? http::parse_range(field->value) : std::nullopt;
  if (!specs) return std::nullopt;
  return http::resolve_ranges(*specs, size, {.ranges_max = 16, .gap_merged = 0});
}

}  // namespace

uint64_t Answer::body_bytes() const {
  uint64_t bytes = 0;
  for (const BodyPart& part : parts) bytes += part.text.size() + part.length;
  return bytes;
}

std::string head_start(int status, WallTime now) {
  std::string lines;
  http::HeadWriter writer(lines);
  writer.status_line(status, {});
  writer.field("date", date_text(unix_seconds(now)));
  writer.field("server", "perigee-origin");
  return lines;
}

Answer text_answer(int status, std::string_view content_type, std::string text, WallTime now,
                   std::string_view more_lines) {
  Answer answer;
  answer.status = status;
  answer.lines = head_start(status, now);
  http::HeadWriter writer(answer.lines);
  writer.field("content-type", content_type);
  answer.lines.append(more_lines);
  answer.parts.push_back({std::move(text), 0, 0});
  return answer;
}

Answer answer_with(const http::RequestHead& request, const Representation& representation, WallTime now) {
  const int64_t seconds = unix_seconds(now);
  const std::string last_modified =
      representation.last_modified ? date_text(*representation.last_modified) : std::string();
  const std::string date = representation.last_modified ? date_text(seconds) : std::string();
  const http::Validators validators{representation.etag, last_modified, date};
  const http::Precondition condition =
      http::evaluate_conditions(request, validators, http::Evaluator::origin, seconds);
  if (condition == http::Precondition::failed) {
    return text_answer(412, "text/plain; charset=utf-8", "a precondition failed\n", now);
  }
  std::optional<http::ResolvedRanges> ranges;
  // RFC 9110 14.2: Range is defined for GET only.
  if (condition == http::Precondition::proceed && representation.accepts_ranges &&
      request.method == http::Method::get && http::if_range_matches(request, validators, seconds)) {
    ranges = resolve(request, representation.content->size());
  }
  using Outcome = http::ResolvedRanges::Outcome;
  if (ranges && ranges->outcome == Outcome::unsatisfiable) return unsatisfiable(representation, now);
  const bool partial = ranges && ranges->outcome == Outcome::partial;

  Answer answer;
  answer.content = representation.content;
  answer.status = condition == http::Precondition::not_modified ? 304 : partial ? 206 : 200;
  answer.lines = head_start(answer.status, now);
  http::HeadWriter writer(answer.lines);
  add_validators(writer, representation);
  answer.lines.append(representation.more_lines);
  if (answer.status == 304) return answer;
  if (representation.accepts_ranges) writer.field("accept-ranges", "bytes");
  if (!partial) {
    writer.field("content-type", representation.content_type);
    answer.parts.push_back({{}, 0, representation.content->size()});
  } else if (ranges->ranges.size() == 1) {
    add_single(answer, writer, representation, ranges->ranges[0]);
  } else {
    add_multipart(answer, writer, representation, ranges->ranges);
  }
  return answer;
}

}  // namespace perigee::origin
