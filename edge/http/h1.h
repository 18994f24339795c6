// HTTP/1.1 messages (RFC 9112): strict reading over llhttp, and writing.
//
// llhttp tokenises; the validator here decides. What it refuses is refused, never repaired: bare CR or LF, NUL, obs-fold, white space before a
// colon or at the start of a line, two framings at once, Transfer-Encoding other than exactly "chunked", differing or
// malformed Content-Length, a bad or repeated Host, more or longer fields than the limits allow.
//
// Pure: no I/O, no clock, no state between messages. A head is parsed from one contiguous buffer, so all its views are
// contiguous; the caller keeps an unfinished tail and offers it again with more bytes.
//
// Thread rule: one owner per object.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "edge/http/message.h"

namespace perigee::http {

struct HeadLimits {
  uint32_t head_bytes_max = 16 * 1024;  // request line or status line and all fields; beyond: 431 (414 if the target is the reason)
  uint32_t fields_max = 100;            // beyond: 431
  uint32_t target_bytes_max = 8 * 1024; // beyond: 414
};

struct HeadParse {
  enum class Outcome : uint8_t { need_more, complete, refused };
  Outcome outcome = Outcome::need_more;
  // complete: bytes of the head, blank line included.
  size_t consumed = 0;
  // refused: the status to answer (400, 414, 417, 421, 431, 501, 505) and why, a literal for logs.
  int status = 0;
  std::string_view reason;
};

// Empty lines before a request line are skipped (RFC 9112 2.2), at most two of them. scanned: how many bytes at the start of `bytes` were already seen by the call before (which
// then returned need_more); they are not scanned for the end of the head again. CONNECT is parsed; whether it is allowed is the caller's affair.
HeadParse parse_request_head(std::string_view bytes, size_t scanned, const HeadLimits& limits, RequestHead& head);

// to: the method of the request this answers; HEAD, and CONNECT with 2xx, have no content whatever the fields say.
// Interim responses (1xx) parse like others, with Framing::none.
HeadParse parse_response_head(std::string_view bytes, size_t scanned, const HeadLimits& limits, Method to, ResponseHead& head);

// The content of one message: tells data from framing. Feed it what was received, in order.
class BodyReader {
 public:
  // For a message without content the reader is done from the start.
  void start(Framing framing, uint64_t content_length);

  struct Step {
    size_t consumed = 0;     // bytes used of what was fed
    std::string_view data;   // content found in them; may be empty
    bool refused = false;    // malformed chunk framing: the message is not to be trusted any further
    std::string_view reason; // why, a literal
  };
  // Uses up a prefix of bytes and returns at most one run of content. Call again with the rest until nothing is consumed or done().
  // Trailer fields are checked like head fields and dropped. Chunk extensions are dropped; at most 4 KiB of framing per 64 KiB of
  // content, so that a message of one-byte chunks with long extensions is refused.
  Step feed(std::string_view bytes);

  bool done() const { return state_ == State::done; }
  // The connection has ended. True: the content is complete (Framing::until_close); false: it was cut short.
  bool end_of_stream();

 private:
  enum class State : uint8_t { length, until_close, chunk_size, chunk_data, chunk_crlf, trailer, done, failed };
  State state_ = State::done;
  bool line_cr_ = false;          // last byte of an unfinished line was CR
  uint16_t line_bytes_ = 0;       // of an unfinished chunk-size or trailer line
  uint32_t framing_bytes_ = 0;
  uint64_t left_ = 0;             // of the content or of the current chunk
  std::string line_;              // an unfinished line, across calls
};

// Head lines in H1 form with lower-case names: what is sent, and the form in which heads are stored. Appends to a string the caller owns.
class HeadWriter {
 public:
  explicit HeadWriter(std::string& out) : out_(out) {}
  void request_line(std::string_view method, std::string_view target);
  void status_line(int status, std::string_view reason);  // an empty reason takes reason_phrase()
  void field(std::string_view name, std::string_view value);
  void field(std::string_view name, uint64_t value);
  void end() { out_.append("\r\n"); }

 private:
  std::string& out_;
};

// The smallest prefix of a chunk: its size in hexadecimal and CRLF, written into buffer. Returns the bytes written (at most 18).
size_t write_chunk_prefix(uint64_t size, char* buffer);

// Steps over the field lines of a head in H1 form ("name: value\r\n"...), without status line.
class FieldLines {
 public:
  explicit FieldLines(std::string_view lines) : left_(lines) {}
  bool next(std::string_view& name, std::string_view& value);

 private:
  std::string_view left_;
};

}  // namespace perigee::http
