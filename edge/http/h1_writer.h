// Heads in H1 form with lower-case names, "name: value\r\n": what is sent, and the form in which heads are
// stored.
//
// Nothing here checks what it writes: names, values and targets come from a parsed head or from code, and
// both hold no controls.
//
// Thread rule: one owner per object.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace perigee::http {

// Appends to a string the caller owns.
class HeadWriter {
 public:
  explicit HeadWriter(std::string& out) : out_(out) {}
  // HTTP/1.1, whatever version the other side spoke (RFC 9110 2.5).
  void request_line(std::string_view method, std::string_view target);
  void status_line(int status, std::string_view reason);  // an empty reason takes reason_phrase()
  void field(std::string_view name, std::string_view value);
  void field(std::string_view name, uint64_t value);
  void end() { out_.append("\r\n"); }

 private:
  void name(std::string_view name);

  std::string& out_;
};

inline constexpr size_t chunk_prefix_bytes_max = 18;

// The smallest prefix of a chunk: its size in hexadecimal and CRLF, written into buffer. Returns the bytes
// written (at most 18). A size of 0 begins the last chunk; an empty line (and before it trailers) has to
// follow.
size_t write_chunk_prefix(uint64_t size, char* buffer);

// Steps over the field lines of a head in H1 form ("name: value\r\n"...), without start line. Stops at the
// end, at an empty line, and at anything that HeadWriter does not write.
class FieldLines {
 public:
  explicit FieldLines(std::string_view lines) : left_(lines) {}
  bool next(std::string_view& name, std::string_view& value);

 private:
  std::string_view left_;
};

}  // namespace perigee::http
