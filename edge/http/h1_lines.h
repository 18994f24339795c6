// The lines of an HTTP/1.1 head, seen as raw bytes: where they end, and that nothing but printable text, tabs
// and CRLF is in them. This is the first half of the validator: it knows lines, not their meaning, and works
// on a head that is still arriving.
//
// Thread rule: pure functions.
#pragma once

#include <cstdint>
#include <string_view>

namespace perigee::http {

// Why a message is not accepted: the status to answer with, and a literal for logs. Converts to true if there
// is a reason.
struct Refusal {
  int status = 0;
  std::string_view reason;
  explicit operator bool() const { return status != 0; }
};

// tchar of RFC 9110 5.6.2.
bool is_token_char(char c);
// One or more of them.
bool is_token(std::string_view text);

struct HeadScan {
  enum class Outcome : uint8_t { unfinished, complete, refused };
  Outcome outcome = Outcome::unfinished;
  size_t end = 0;  // complete: just past the empty line
  size_t line_end =
      std::string_view::npos;  // of the first line that ended in the part scanned: where its CR is
  std::string_view reason;     // refused: a literal
};

// Looks for the empty line that ends the head which begins at `start`; a line must not begin with white space
// (RFC 9112 2.2, 5.2), CR and LF come only as CRLF, other controls but tab are refused as soon as they are
// seen. `scanned` bytes were found unfinished by an earlier call with the same start and are not looked at
// again, but for the last three.
HeadScan scan_head(std::string_view bytes, size_t start, size_t scanned);

// More than fields_max field lines in a head that has not ended. Looks once per KiB of growth, so that a head
// that comes byte by byte is still counted in linear time.
bool too_many_lines(std::string_view bytes, size_t start, size_t scanned, uint32_t fields_max);

}  // namespace perigee::http
