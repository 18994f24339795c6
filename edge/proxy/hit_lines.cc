#include "edge/proxy/hit_lines.h"

#include <algorithm>
#include <charconv>
#include <cstring>

#include "edge/proxy/answer_lines.h"

namespace perigee::proxy {

namespace {

constexpr std::string_view age_name = "age: ";
constexpr std::string_view line_end = "\r\n";
constexpr size_t number_bytes = 20;

char* append(char* at, std::string_view text) {
  std::memcpy(at, text.data(), text.size());
  return at + text.size();
}

}  // namespace

HitLines::HitLines(std::string_view node_name) {
  AnswerOrigin origin;
  origin.hit = true;
  origin.has_ttl = true;
  middle_ = line_end;
  append_via(node_name, middle_);
  append_cache_status(node_name, origin, middle_);
  constexpr std::string_view number_and_end = "0\r\n";
  middle_.resize(middle_.size() - number_and_end.size());
  text_.resize(age_name.size() + number_bytes + middle_.size() + number_bytes + line_end.size());
  append(text_.data(), age_name);
}

std::string_view HitLines::of(int64_t age, int64_t ttl) {
  char* const begin = text_.data();
  char* at = begin + age_name.size();
  at = std::to_chars(at, at + number_bytes, std::clamp<int64_t>(age, 0, int64_t{1} << 31)).ptr;
  at = append(at, middle_);
  at = std::to_chars(at, at + number_bytes, ttl).ptr;
  at = append(at, line_end);
  return {begin, static_cast<size_t>(at - begin)};
}

}  // namespace perigee::proxy
