// How an HTTP/1.1 answer tells its end (RFC 9112 6.3), and the lines that say so.
//
// Pure. Thread rule: none.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace perigee::serve {

enum class AnswerFraming : uint8_t {
  none,    // the head is all: HEAD, 204, 304, 101
  length,  // content-length
  chunked,
  until_close,  // HTTP/1.0 and no length known
};

// What of the request decides it.
struct RequestFacts {
  bool head_method = false;
  uint8_t version_minor = 1;
  bool may_keep_alive = true;  // the client can, and we are willing
};

struct AnswerPlan {
  AnswerFraming framing = AnswerFraming::none;
  bool keep_alive = true;
};

// content_length: ReplyHead::unknown_length where it is not known.
AnswerPlan plan_answer(const RequestFacts& request, int status, uint64_t content_length);

// Copies the text, and returns where it ends.
inline char* append_bytes(char* at, std::string_view text) {
  if (!text.empty()) std::memcpy(at, text.data(), text.size());
  return at + text.size();
}

// Room that write_framing_lines() needs at most.
inline constexpr size_t framing_lines_max = 128;

// Content-length, transfer-encoding and connection as the plan needs them, then the blank line. Returns the
// bytes written.
size_t write_framing_lines(const AnswerPlan& plan, const RequestFacts& request, int status,
                           uint64_t content_length, char* out);

}  // namespace perigee::serve
