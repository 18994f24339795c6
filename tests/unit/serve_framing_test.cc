#include "edge/serve/framing.h"

#include <catch2/catch_test_macros.hpp>
#include <string>

#include "edge/serve/handler.h"

using namespace perigee::serve;

namespace {

constexpr uint64_t unknown = ReplyHead::unknown_length;

std::string lines(const RequestFacts& request, int status, uint64_t length) {
  char buffer[framing_lines_max];
  return {buffer, write_framing_lines(plan_answer(request, status, length), request, status, length, buffer)};
}

}  // namespace

TEST_CASE("an answer's framing follows from the request, the status and the length", "[serve]") {
  struct Case {
    RequestFacts request;  // HEAD?, minor version, may keep alive
    int status;
    uint64_t length;
    AnswerFraming framing;
    std::string_view lines;
  };
  const Case cases[] = {
      {{false, 1, true}, 200, 5, AnswerFraming::length, "content-length: 5\r\n\r\n"},
      {{false, 1, true}, 200, 0, AnswerFraming::length, "content-length: 0\r\n\r\n"},
      {{false, 1, true}, 200, unknown, AnswerFraming::chunked, "transfer-encoding: chunked\r\n\r\n"},
      {{false, 1, false}, 200, 5, AnswerFraming::length, "content-length: 5\r\nconnection: close\r\n\r\n"},
      {{false, 1, false},
       200,
       unknown,
       AnswerFraming::chunked,
       "transfer-encoding: chunked\r\nconnection: close\r\n\r\n"},
      {{false, 0, true},
       200,
       5,
       AnswerFraming::length,
       "content-length: 5\r\nconnection: keep-alive\r\n\r\n"},
      {{false, 0, false}, 200, 5, AnswerFraming::length, "content-length: 5\r\nconnection: close\r\n\r\n"},
      {{false, 0, true}, 200, unknown, AnswerFraming::until_close, "connection: close\r\n\r\n"},
      {{true, 1, true}, 200, 5, AnswerFraming::none, "content-length: 5\r\n\r\n"},
      {{true, 1, true}, 200, unknown, AnswerFraming::none, "\r\n"},
      {{true, 0, true}, 200, unknown, AnswerFraming::none, "connection: keep-alive\r\n\r\n"},
      {{false, 1, true}, 204, 5, AnswerFraming::none, "\r\n"},
      {{false, 1, true}, 204, unknown, AnswerFraming::none, "\r\n"},
      {{false, 1, true}, 304, 5, AnswerFraming::none, "content-length: 5\r\n\r\n"},
      {{false, 1, true}, 304, unknown, AnswerFraming::none, "\r\n"},
      {{false, 1, true}, 101, unknown, AnswerFraming::none, "connection: upgrade\r\n\r\n"},
      {{false, 1, true}, 404, unknown, AnswerFraming::chunked, "transfer-encoding: chunked\r\n\r\n"},
      {{false, 1, true},
       200,
       unknown - 1,
       AnswerFraming::length,
       "content-length: 18446744073709551614\r\n\r\n"},
  };
  for (const Case& c : cases) {
    INFO(c.status << " " << c.length << " HEAD " << c.request.head_method << " 1."
                  << int{c.request.version_minor});
    CHECK(plan_answer(c.request, c.status, c.length).framing == c.framing);
    CHECK(lines(c.request, c.status, c.length) == c.lines);
  }
}
