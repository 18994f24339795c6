#include "edge/http/h1_writer.h"

#include <array>
#include <charconv>
#include <cstring>

#include "edge/base/bytes.h"
#include "edge/http/message.h"

namespace perigee::http {

void HeadWriter::request_line(std::string_view method, std::string_view target) {
  out_.append(method).append(" ").append(target).append(" HTTP/1.1\r\n");
}

void HeadWriter::status_line(int status, std::string_view reason) {
  const char digits[] = {static_cast<char>('0' + status / 100 % 10),
                         static_cast<char>('0' + status / 10 % 10), static_cast<char>('0' + status % 10),
                         ' '};
  out_.append("HTTP/1.1 ").append(digits, sizeof digits);
  out_.append(reason.empty() ? reason_phrase(status) : reason).append("\r\n");
}

void HeadWriter::field(std::string_view name, std::string_view value) {
  this->name(name);
  out_.append(value).append("\r\n");
}

void HeadWriter::field(std::string_view name, uint64_t value) {
  std::array<char, 20> digits;
  const auto written = std::to_chars(digits.data(), digits.data() + digits.size(), value);
  field(name, std::string_view(digits.data(), static_cast<size_t>(written.ptr - digits.data())));
}

void HeadWriter::name(std::string_view name) {
  out_.append(name).append(": ");
  char* const end = out_.data() + out_.size() - 2;
  for (char* c = end - name.size(); c != end; ++c) *c = to_lower(*c);
}

size_t write_chunk_prefix(uint64_t size, char* buffer) {
  char* end = std::to_chars(buffer, buffer + chunk_prefix_bytes_max - 2, size, 16).ptr;
  *end++ = '\r';
  *end++ = '\n';
  return static_cast<size_t>(end - buffer);
}

bool FieldLines::next(std::string_view& name, std::string_view& value) {
  const char* const begin = left_.data();
  const char* const end = begin + left_.size();
  const auto find = [end](char c, const char* from) {
    return static_cast<const char*>(std::memchr(from, c, static_cast<size_t>(end - from)));
  };
  if (left_.empty()) return false;
  const char* const line_end = find('\r', begin);
  const char* const colon = find(':', begin);
  if (line_end == nullptr || end - line_end < 2 || line_end[1] != '\n') return false;
  if (colon == nullptr || colon == begin || line_end - colon < 2 || colon[1] != ' ') return false;
  name = {begin, static_cast<size_t>(colon - begin)};
  value = {colon + 2, static_cast<size_t>(line_end - colon - 2)};
  left_.remove_prefix(static_cast<size_t>(line_end - begin) + 2);
  return true;
}

}  // namespace perigee::http
