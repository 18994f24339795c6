#include "edge/http/h1_writer.h"

#include <array>
#include <charconv>

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
  const size_t line_end = left_.find('\r');
  if (line_end == std::string_view::npos || left_.substr(line_end, 2) != "\r\n") return false;
  const std::string_view line = left_.substr(0, line_end);
  const size_t colon = line.find(':');
  if (colon == std::string_view::npos || colon == 0 || line.substr(colon, 2) != ": ") return false;
  name = line.substr(0, colon);
  value = line.substr(colon + 2);
  left_.remove_prefix(line_end + 2);
  return true;
}

}  // namespace perigee::http
