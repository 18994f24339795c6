#include "bench/load/response_reader.h"

#include <charconv>

#include "edge/base/bytes.h"

namespace perigee::load {

namespace {

constexpr size_t head_bytes_max = 64 * 1024;
constexpr size_t line_bytes_max = 8 * 1024;

std::optional<uint64_t> parse_hex(std::string_view text) {
  uint64_t value = 0;
  const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), value, 16);
  if (text.empty() || ec != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

}  // namespace

std::string_view ResponseHead::find(std::string_view name) const {
  for (const Line& line : lines) {
    if (equal_ignoring_case(line.name, name)) return line.value;
  }
  return {};
}

void ResponseReader::begin(bool head_request) {
  state_ = State::head;
  head_request_ = head_request;
  text_.clear();
  line_.clear();
  remaining_ = 0;
}

ResponseReader::Step ResponseReader::next(std::string_view input) {
  Step step;
  switch (state_) {
    case State::head:
      step = read_head(input);
      break;
    case State::sized:
      step = read_sized(input);
      break;
    case State::until_close:
      step = {input.empty() ? Event::need_more : Event::body, input.size(), input};
      break;
    case State::chunk_data:
      step = read_chunk_data(input);
      break;
    case State::chunk_size:
    case State::chunk_end:
    case State::trailers:
      step = read_line(input);
      break;
    case State::end:
      step = {Event::end, 0, {}};
      break;
    case State::malformed:
      step = {Event::malformed, 0, {}};
      break;
  }
  if (step.event == Event::malformed) state_ = State::malformed;
  return step;
}

ResponseReader::Step ResponseReader::read_head(std::string_view input) {
  const size_t before = text_.size();
  // Most heads arrive whole: then only the head is copied, not what follows it.
  const size_t whole = before == 0 ? input.find("\r\n\r\n") : std::string_view::npos;
  text_.append(input.substr(0, whole == std::string_view::npos ? head_bytes_max : whole + 4));
  const size_t end = text_.find("\r\n\r\n", before < 3 ? 0 : before - 3);
  if (end == std::string::npos) {
    if (text_.size() >= head_bytes_max) return {Event::malformed, 0, {}};
    return {Event::need_more, input.size(), {}};
  }
  const size_t used = end + 4 - before;
  text_.resize(end + 2);
  if (!parse_head()) return {Event::malformed, 0, {}};
  if (head_.status < 200) {
    text_.clear();
    Step step = next(input.substr(used));
    step.used += used;
    return step;
  }
  choose_framing();
  return {Event::head, used, {}};
}

bool ResponseReader::parse_head() {
  head_.lines.clear();
  head_.chunked = head_.close = false;
  head_.content_length.reset();
  const std::string_view text = text_;
  const size_t line_end = text.find("\r\n");
  const std::string_view first = text.substr(0, line_end);
  // "HTTP/1.1 200" and at least the space before the reason (RFC 9112 4).
  if (first.size() < 13 || first.substr(0, 7) != "HTTP/1." || first[8] != ' ' || first[12] != ' ')
    return false;
  const auto status = parse_decimal(first.substr(9, 3));
  if (!status || *status < 100 || !is_digit(first[7])) return false;
  head_.status = static_cast<int>(*status);
  head_.minor_version = first[7] - '0';
  head_.close = head_.minor_version == 0;
  size_t at = line_end + 2;
  while (at < text.size()) {
    const size_t end = text.find("\r\n", at);
    if (!parse_field(text.substr(at, end - at))) return false;
    at = end + 2;
  }
  return true;
}

bool ResponseReader::parse_field(std::string_view line) {
  const size_t colon = line.find(':');
  if (colon == std::string_view::npos || colon == 0 || line[colon - 1] == ' ') return false;
  const ResponseHead::Line field{line.substr(0, colon), trim_ows(line.substr(colon + 1))};
  head_.lines.push_back(field);
  if (equal_ignoring_case(field.name, "content-length")) {
    const auto length = parse_decimal(field.value);
    if (!length || head_.content_length) return false;
    head_.content_length = length;
  } else if (equal_ignoring_case(field.name, "transfer-encoding")) {
    if (head_.chunked || !equal_ignoring_case(field.value, "chunked")) return false;
    head_.chunked = true;
  } else if (equal_ignoring_case(field.name, "connection")) {
    if (equal_ignoring_case(field.value, "close")) head_.close = true;
    if (equal_ignoring_case(field.value, "keep-alive")) head_.close = false;
  }
  return !(head_.chunked && head_.content_length);
}

// RFC 9112 6.3.
void ResponseReader::choose_framing() {
  if (head_request_ || head_.status == 204 || head_.status == 304) {
    state_ = State::end;
  } else if (head_.chunked) {
    state_ = State::chunk_size;
  } else if (head_.content_length) {
    remaining_ = *head_.content_length;
    state_ = remaining_ == 0 ? State::end : State::sized;
  } else {
    head_.close = true;
    state_ = State::until_close;
  }
}

ResponseReader::Step ResponseReader::read_sized(std::string_view input) {
  if (input.empty()) return {};
  const std::string_view body = input.substr(0, remaining_);
  remaining_ -= body.size();
  if (remaining_ == 0) state_ = State::end;
  return {Event::body, body.size(), body};
}

ResponseReader::Step ResponseReader::read_chunk_data(std::string_view input) {
  if (input.empty()) return {};
  const std::string_view body = input.substr(0, remaining_);
  remaining_ -= body.size();
  if (remaining_ == 0) state_ = State::chunk_end;
  return {Event::body, body.size(), body};
}

ResponseReader::Step ResponseReader::read_line(std::string_view input) {
  const size_t newline = input.find('\n');
  const size_t used = newline == std::string_view::npos ? input.size() : newline + 1;
  line_.append(input.substr(0, used));
  if (line_.size() > line_bytes_max) return {Event::malformed, 0, {}};
  if (newline == std::string_view::npos) return {Event::need_more, used, {}};
  if (line_.size() < 2 || line_[line_.size() - 2] != '\r') return {Event::malformed, 0, {}};
  line_.resize(line_.size() - 2);
  const bool good = take_line(line_);
  line_.clear();
  if (!good) return {Event::malformed, 0, {}};
  Step step = next(input.substr(used));
  step.used += used;
  return step;
}

bool ResponseReader::take_line(std::string_view line) {
  if (state_ == State::chunk_end) {
    state_ = State::chunk_size;
    return line.empty();
  }
  if (state_ == State::trailers) {
    if (line.empty()) state_ = State::end;
    return true;
  }
  const auto size = parse_hex(line.substr(0, line.find(';')));
  if (!size) return false;
  remaining_ = *size;
  state_ = *size == 0 ? State::trailers : State::chunk_data;
  return true;
}

}  // namespace perigee::load
