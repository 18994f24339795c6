#include "edge/http/h1_body.h"

#include <algorithm>

#include "edge/base/bytes.h"
#include "edge/http/h1_lines.h"

namespace perigee::http {
namespace {

constexpr uint8_t size_digits_max = 16;
constexpr uint64_t avoidable_bytes_base = 4096;
constexpr uint64_t content_bytes_per_avoidable_byte = 16;

// -1 for anything that is not a hexadecimal digit.
int hex_digit(char c) {
  if (is_digit(c)) return c - '0';
  const char lower = to_lower(c);
  return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

bool is_value_char(char c) { return c == '\t' || (static_cast<unsigned char>(c) >= ' ' && c != 0x7f); }

}  // namespace

void BodyReader::start(Framing framing, uint64_t content_length) {
  *this = BodyReader();
  switch (framing) {
    case Framing::none:
      state_ = State::done;
      break;
    case Framing::length:
      state_ = content_length == 0 ? State::done : State::length;
      break;
    case Framing::chunked:
      state_ = State::size_first;
      break;
    case Framing::until_close:
      state_ = State::until_close;
      break;
  }
  left_ = content_length;
}

BodyReader::Step BodyReader::feed(std::string_view bytes) {
  Step step;
  while (step.consumed < bytes.size() && state_ != State::done && state_ != State::failed) {
    if (state_ == State::length || state_ == State::until_close || state_ == State::data) {
      step.data = take(bytes.substr(step.consumed));
      step.consumed += step.data.size();
      return step;
    }
    frame(bytes[step.consumed++]);
  }
  step.refused = state_ == State::failed;
  step.reason = reason_;
  return step;
}

bool BodyReader::end_of_stream() {
  if (state_ == State::until_close) state_ = State::done;
  if (state_ != State::done) fail("content cut short");
  return done();
}

std::string_view BodyReader::take(std::string_view bytes) {
  if (state_ == State::until_close) return bytes;
  bytes = bytes.substr(0, static_cast<size_t>(std::min<uint64_t>(left_, bytes.size())));
  left_ -= bytes.size();
  if (left_ == 0) state_ = state_ == State::data ? State::data_cr : State::done;
  return bytes;
}

void BodyReader::frame(char c) {
  switch (state_) {
    case State::size_first:
    case State::size_digits:
    case State::extension:
      frame_size(c);
      break;
    case State::size_lf:
      expect(c, '\n', left_ == 0 ? State::trailer_start : State::data);
      break;
    case State::data_cr:
      expect(c, '\r', State::data_lf);
      break;
    case State::data_lf:
      expect(c, '\n', State::size_first);
      break;
    case State::trailer_start:
    case State::trailer_name:
    case State::trailer_value:
      frame_trailer(c);
      break;
    case State::trailer_lf:
      expect(c, '\n', State::trailer_start);
      break;
    case State::final_lf:
      expect(c, '\n', State::done);
      break;
    case State::length:
    case State::until_close:
    case State::data:
    case State::done:
    case State::failed:
      break;
  }
}

void BodyReader::frame_size(char c) {
  if (state_ == State::size_first) {
    left_ = 0;
    digits_ = 0;
    leading_zero_ = c == '0';
  }
  if (state_ == State::extension) {
    if (c != '\r' && !is_value_char(c)) return fail("control character in a chunk extension");
    if (c != '\r') return count_avoidable();
  } else if (const int digit = hex_digit(c); digit >= 0) {
    // Sixteen digits cannot overflow 64 bits; the top bit is refused so that sums of sizes stay far from it.
    if (++digits_ > size_digits_max) return fail("chunk size too long");
    left_ = left_ << 4 | static_cast<uint64_t>(digit);
    if (left_ >> 63 != 0) return fail("chunk size too large");
    state_ = State::size_digits;
    if (digits_ > 1 && leading_zero_) count_avoidable();
    return;
  }
  if (digits_ == 0) return fail("malformed chunk size");
  if (c == '\r') {
    content_bytes_ += std::min(left_, ~content_bytes_);
    state_ = State::size_lf;
  } else if (c == ';') {
    state_ = State::extension;
    count_avoidable();
  } else {
    fail("malformed chunk size");
  }
}

void BodyReader::frame_trailer(char c) {
  if (state_ == State::trailer_start && c == '\r') {
    state_ = State::final_lf;
  } else if (state_ == State::trailer_value && c == '\r') {
    state_ = State::trailer_lf;
  } else if (state_ == State::trailer_value) {
    if (!is_value_char(c)) return fail("control character in a trailer field");
    count_avoidable();
  } else if (is_token_char(c)) {
    state_ = State::trailer_name;
    count_avoidable();
  } else if (state_ == State::trailer_name && c == ':') {
    state_ = State::trailer_value;
    count_avoidable();
  } else {
    fail("malformed trailer field");
  }
}

void BodyReader::expect(char c, char wanted, State next) {
  if (c == wanted) {
    state_ = next;
  } else {
    fail("chunk framing without CRLF");
  }
}

void BodyReader::count_avoidable() {
  if (++avoidable_bytes_ > avoidable_bytes_base + content_bytes_ / content_bytes_per_avoidable_byte) {
    fail("too much chunk framing");
  }
}

void BodyReader::fail(std::string_view reason) {
  state_ = State::failed;
  reason_ = reason;
}

}  // namespace perigee::http
