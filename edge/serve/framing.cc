#include "edge/serve/framing.h"

#include <charconv>
#include <cstring>
#include <string_view>

#include "edge/serve/handler.h"

namespace perigee::serve {
namespace {

constexpr uint64_t unknown = ReplyHead::unknown_length;

// RFC 9110 8.6: never in 1xx and 204; in answers to HEAD and in 304 what a GET would have got.
bool sends_length(int status, uint64_t content_length) {
  return content_length != unknown && status >= 200 && status != 204;
}

}  // namespace

AnswerPlan plan_answer(const RequestFacts& request, int status, uint64_t content_length) {
  AnswerPlan plan;
  plan.keep_alive = request.may_keep_alive && status != 101;
  if (request.head_method || status < 200 || status == 204 || status == 304) return plan;
  if (content_length != unknown) {
    plan.framing = AnswerFraming::length;
  } else if (request.version_minor >= 1) {
    plan.framing = AnswerFraming::chunked;
  } else {
    plan.framing = AnswerFraming::until_close;
    plan.keep_alive = false;
  }
  return plan;
}

size_t write_framing_lines(const AnswerPlan& plan, const RequestFacts& request, int status,
                           uint64_t content_length, char* out) {
  char* at = out;
  if (sends_length(status, content_length)) {
    at = append_bytes(at, "content-length: ");
    at = std::to_chars(at, at + 20, content_length).ptr;
    at = append_bytes(at, "\r\n");
  }
  if (plan.framing == AnswerFraming::chunked) at = append_bytes(at, "transfer-encoding: chunked\r\n");
  if (status == 101) {
    at = append_bytes(at, "connection: upgrade\r\n");
  } else if (!plan.keep_alive) {
    at = append_bytes(at, "connection: close\r\n");
  } else if (request.version_minor == 0) {
    at = append_bytes(at, "connection: keep-alive\r\n");
  }
  at = append_bytes(at, "\r\n");
  return static_cast<size_t>(at - out);
}

}  // namespace perigee::serve
