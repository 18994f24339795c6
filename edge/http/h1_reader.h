// Heads of HTTP/1.1 messages (RFC 9112), read strictly over llhttp.
//
// llhttp tokenises; the validator here decides, over the raw bytes (h1_lines, h1_tokens, h1_target,
// h1_framing), and where the two readings differ the message is refused. What it refuses is refused, never
// repaired: bare CR or LF, NUL, obs-fold, white space before a colon or at the start of a line, two framings
// at once, Transfer-Encoding other than exactly "chunked", repeated or malformed Content-Length, a bad or
// repeated Host, more or longer fields than the limits allow. A method need not be one that llhttp knows: any
// token of up to 32 bytes is parsed as Method::other.
//
// Pure: no I/O, no clock, no state between messages. A head is parsed from one contiguous buffer, so all its
// views are contiguous; the caller keeps an unfinished tail and offers it again with more bytes. A head
// object that is used again keeps the memory of its field rows, so that nothing is allocated per message.
//
// Thread rule: one owner per object.
#pragma once

#include <cstdint>
#include <string_view>

#include "edge/http/message.h"

namespace perigee::http {

struct HeadLimits {
  uint32_t head_bytes_max =
      16 *
      1024;  // from the first byte of the first line to the empty line; beyond: 431 (414 in the first line)
  uint32_t fields_max = 100;             // beyond: 431
  uint32_t target_bytes_max = 8 * 1024;  // beyond: 414
};

struct HeadParse {
  enum class Outcome : uint8_t { need_more, complete, refused };
  Outcome outcome = Outcome::need_more;
  // complete: bytes of the head, blank line and skipped empty lines included.
  size_t consumed = 0;
  // refused: the status to answer (400, 414, 417, 421, 431, 501, 505; for a response always 502) and why, a
  // literal for logs.
  int status = 0;
  std::string_view reason;
};

// Empty lines before a request line are skipped (RFC 9112 2.2), at most two of them. scanned: how many bytes
// at the start of `bytes` were already seen by the call before (which then returned need_more); they are not
// scanned for the end of the head again. CONNECT is parsed; whether it is allowed is the caller's affair.
// `head` is meaningful only when the outcome is complete. A forbidden byte, a bad request line and a limit
// passed are refused as soon as they are seen, the rest when the head is complete.
HeadParse parse_request_head(std::string_view bytes, size_t scanned, const HeadLimits& limits,
                             RequestHead& head);

// to: the method of the request this answers; HEAD, and CONNECT with 2xx, have no content whatever the fields
// say. Interim responses (1xx, 101 too) parse like others, with Framing::none. keep_alive is false if the
// content ends with the connection, and for a 1xx or 204 that announces content it cannot have (RFC
// 9112 6.3).
HeadParse parse_response_head(std::string_view bytes, size_t scanned, const HeadLimits& limits, Method to,
                              ResponseHead& head);

}  // namespace perigee::http
