#include "edge/http/h1_lines.h"

#include <algorithm>
#include <array>

#include "edge/http/byte_scan.h"

namespace perigee::http {
namespace {

constexpr std::array<bool, 256> make_token_chars() {
  std::array<bool, 256> table{};
  for (char c : std::string_view("!#$%&'*+-.^_`|~")) table[static_cast<unsigned char>(c)] = true;
  for (int c = '0'; c <= '9'; ++c) table[static_cast<size_t>(c)] = true;
  for (int c = 'a'; c <= 'z'; ++c)
    table[static_cast<size_t>(c)] = table[static_cast<size_t>(c - 0x20)] = true;
  return table;
}

constexpr std::array<bool, 256> token_chars = make_token_chars();

// A CR or CRLF at the very end of what was scanned before is looked at again: what follows it was not known
// then.
size_t resume_at(std::string_view bytes, size_t start, size_t scanned) {
  if (scanned > bytes.size()) scanned = bytes.size();
  size_t at = scanned < start + 2 ? start : scanned - 2;
  if (at > start && bytes[at] == '\n') --at;
  return at;
}

HeadScan refuse(std::string_view reason) {
  HeadScan scan;
  scan.outcome = HeadScan::Outcome::refused;
  scan.reason = reason;
  return scan;
}

}  // namespace

bool is_token_char(char c) { return token_chars[static_cast<unsigned char>(c)]; }

bool is_token(std::string_view text) {
  // Names are short and nearly always good: no branch per character.
  bool good = !text.empty();
  for (char c : text) good = good & token_chars[static_cast<unsigned char>(c)];
  return good;
}

HeadScan scan_head(std::string_view bytes, size_t start, size_t scanned) {
  HeadScan scan;
  size_t at = resume_at(bytes, start, scanned);
  for (;;) {
    at = find_byte_of<Controls>(bytes, at);
    if (at == bytes.size()) return scan;
    if (bytes[at] == '\t') {
      ++at;
      continue;
    }
    if (bytes[at] != '\r')
      return refuse(bytes[at] == '\n' ? "bare LF in the head" : "control character in the head");
    if (at + 1 == bytes.size()) return scan;
    if (bytes[at + 1] != '\n') return refuse("bare CR in the head");
    if (at > start && bytes[at - 1] == '\n') {
      scan.outcome = HeadScan::Outcome::complete;
      scan.end = at + 2;
      return scan;
    }
    if (scan.line_end == std::string_view::npos) scan.line_end = at;
    at += 2;
    if (at < bytes.size() && (bytes[at] == ' ' || bytes[at] == '\t'))
      return refuse("white space at the start of a line");
  }
}

bool too_many_lines(std::string_view bytes, size_t start, size_t scanned, uint32_t fields_max) {
  constexpr size_t step = 1024;
  if (bytes.size() / step == scanned / step || bytes.size() < step) return false;
  const std::string_view counted = bytes.substr(start, bytes.size() / step * step - start);
  return static_cast<size_t>(std::count(counted.begin(), counted.end(), '\n')) > size_t{fields_max} + 1;
}

}  // namespace perigee::http
