#include "origin/answer.h"

#include <array>

#include "edge/http/date.h"
#include "edge/http/h1.h"
#include "origin/byte_ranges.h"

namespace perigee::origin {
namespace {

constexpr std::string_view boundary = "perigee-origin-7MA4YWxkTrZu0gW";

std::string date_text(int64_t seconds) {
  std::array<char, http::date_bytes> buffer;
  return std::string(http::format_date(seconds, buffer));
}

void add_validators(http::HeadWriter& writer, const Validators& validators) {
  if (!validators.etag.empty()) writer.field("etag", validators.etag);
  if (validators.last_modified) writer.field("last-modified", date_text(*validators.last_modified));
}

std::string content_range(const ByteRange& range, uint64_t size) {
  return "bytes " + std::to_string(range.first) + "-" + std::to_string(range.first + range.length - 1) + "/" +
         std::to_string(size);
}

Answer unsatisfiable(const Representation& representation, WallTime now) {
  const std::string size = std::to_string(representation.content->size());
  return text_answer(416, "text/plain; charset=utf-8", "the range does not exist\n", now,
                     "content-range: bytes */" + size + "\r\n");
}

void add_single(Answer& answer, http::HeadWriter& writer, const Representation& representation,
                const ByteRange& range) {
  writer.field("content-type", representation.content_type);
  writer.field("content-range", content_range(range, representation.content->size()));
  answer.parts.push_back({{}, range.first, range.length});
}

// RFC 9110 14.6.
void add_multipart(Answer& answer, http::HeadWriter& writer, const Representation& representation,
                   const std::vector<ByteRange>& ranges) {
  writer.field("content-type", "multipart/byteranges; boundary=" + std::string(boundary));
  for (const ByteRange& range : ranges) {
    std::string text = "\r\n--" + std::string(boundary) + "\r\ncontent-type: " + representation.content_type +
                       "\r\ncontent-range: " + content_range(range, representation.content->size()) +
                       "\r\n\r\n";
    answer.parts.push_back({std::move(text), range.first, range.length});
  }
  answer.parts.push_back({"\r\n--" + std::string(boundary) + "--\r\n", 0, 0});
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
  const Validators& validators = representation.validators;
  const Precondition condition = check_preconditions(request, validators, seconds);
  if (condition == Precondition::failed) {
    return text_answer(412, "text/plain; charset=utf-8", "a precondition failed\n", now);
  }
  Answer answer;
  answer.content = representation.content;
  const uint64_t size = representation.content->size();
  RangeRequest range;
  if (condition == Precondition::proceed && representation.accepts_ranges &&
      range_applies(request, validators, seconds)) {
    range = parse_ranges(request.fields.value(http::FieldId::range), size);
  }
  if (range.outcome == RangeRequest::Outcome::unsatisfiable) return unsatisfiable(representation, now);
  const bool partial = range.outcome == RangeRequest::Outcome::ranges;
  answer.status = condition == Precondition::not_modified ? 304 : partial ? 206 : 200;
  answer.lines = head_start(answer.status, now);
  http::HeadWriter writer(answer.lines);
  add_validators(writer, validators);
  answer.lines.append(representation.more_lines);
  if (answer.status == 304) return answer;
  if (representation.accepts_ranges) writer.field("accept-ranges", "bytes");
  if (!partial) {
    writer.field("content-type", representation.content_type);
    answer.parts.push_back({{}, 0, size});
  } else if (range.ranges.size() == 1) {
    add_single(answer, writer, representation, range.ranges[0]);
  } else {
    add_multipart(answer, writer, representation, range.ranges);
  }
  return answer;
}

}  // namespace perigee::origin
