#include <catch2/catch_test_macros.hpp>

#include "bench/load/body_check.h"
#include "origin/self_verifying.h"

using perigee::load::BodyCheck;
using perigee::load::Fault;
using perigee::load::ResponseHead;

namespace {

constexpr uint64_t length = 200'000;

std::string body_of(std::string_view id, uint64_t version) {
  std::string body(length, '\0');
  perigee::origin::fill_body(perigee::origin::body_seed(id, version), 0, body);
  return body;
}

ResponseHead head_of(std::string_view id, std::string_view version) {
  ResponseHead head;
  head.status = 200;
  head.lines = {{"x-body-id", id}, {"x-version", version}, {"x-body-length", "200000"}};
  return head;
}

// What a whole response comes to that says it is (a, 1) and brings these bytes, in pieces.
Fault judge(const ResponseHead& head, std::string_view bytes, std::string_view expected_id = {}) {
  BodyCheck check;
  BodyCheck::Progress progress = check.begin(head, expected_id);
  for (size_t at = 0; at < bytes.size(); at += 7'001) check.body(progress, bytes.substr(at, 7'001));
  check.end(progress);
  return progress.fault;
}

}  // namespace

TEST_CASE("the right body passes, in whatever pieces it comes") {
  CHECK(judge(head_of("a", "1"), body_of("a", 1)) == Fault::none);
  CHECK(judge(head_of("a", "1"), body_of("a", 1), "a") == Fault::none);
}

TEST_CASE("a body with one bit changed anywhere does not pass") {
  for (const size_t at : {size_t{0}, size_t{7}, size_t{65'535}, size_t{65'536}, size_t{length - 1}}) {
    CAPTURE(at);
    std::string body = body_of("a", 1);
    body[at] = static_cast<char>(body[at] ^ 1);
    CHECK(judge(head_of("a", "1"), body) == Fault::wrong_byte);
  }
}

TEST_CASE("another body, another version and another place do not pass") {
  CHECK(judge(head_of("a", "1"), body_of("b", 1)) == Fault::wrong_byte);
  CHECK(judge(head_of("a", "1"), body_of("a", 2)) == Fault::wrong_byte);
  CHECK(judge(head_of("a", "1"), body_of("a", 1).substr(8)) == Fault::wrong_byte);
  CHECK(judge(head_of("a", "1"), body_of("a", 1), "b") == Fault::wrong_id);
}

TEST_CASE("a body that is short or long, and called complete, does not pass") {
  CHECK(judge(head_of("a", "1"), body_of("a", 1).substr(0, length - 1)) == Fault::wrong_length);
  CHECK(judge(head_of("a", "1"), "") == Fault::wrong_length);
  std::string longer(length + 8, '\0');
  perigee::origin::fill_body(perigee::origin::body_seed("a", 1), 0, longer);
  CHECK(judge(head_of("a", "1"), longer) == Fault::wrong_length);
}

TEST_CASE("a part is compared at its own place") {
  ResponseHead head = head_of("a", "1");
  head.status = 206;
  head.lines.push_back({"content-range", "bytes 1000-1099/200000"});
  CHECK(judge(head, body_of("a", 1).substr(1000, 100)) == Fault::none);
  CHECK(judge(head, body_of("a", 1).substr(1001, 100)) == Fault::wrong_byte);
  CHECK(judge(head, body_of("a", 1).substr(1000, 99)) == Fault::wrong_length);
}

TEST_CASE("an answer that does not say what it is cannot be verified") {
  ResponseHead head = head_of("a", "1");
  head.lines.erase(head.lines.begin());
  CHECK(judge(head, body_of("a", 1)) == Fault::unverifiable);
  CHECK(judge(head_of("a", "one"), body_of("a", 1)) == Fault::unverifiable);
  ResponseHead part = head_of("a", "1");
  part.status = 206;
  CHECK(judge(part, body_of("a", 1)) == Fault::unverifiable);
}
