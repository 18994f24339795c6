// The content of one HTTP/1.1 message: tells data from framing (RFC 9112 6 and 7).
//
// Chunked coding is read by a state machine of our own and not by llhttp: it is a few dozen lines, needs no
// parser object per connection, and refuses what a second parser further on might read in another way: sizes
// of more than 16 digits, any white space around a size, bare CR or LF anywhere. Owns no bytes and copies
// none.
//
// Thread rule: one owner per object.
#pragma once

#include <cstdint>
#include <string_view>

#include "edge/http/message.h"

namespace perigee::http {

class BodyReader {
 public:
  // For a message without content the reader is done from the start.
  void start(Framing framing, uint64_t content_length);

  struct Step {
    size_t consumed = 0;      // bytes used of what was fed
    std::string_view data;    // content found in them; may be empty
    bool refused = false;     // malformed chunk framing: the message is not to be trusted any further
    std::string_view reason;  // why, a literal
  };
  // Uses up a prefix of bytes and returns at most one run of content, which is the end of that prefix. Call
  // again with the rest until nothing is consumed or done(). A refused step has no data, and so has every
  // later one.
  //
  // Trailer fields are checked like head fields and dropped, chunk extensions are dropped. Framing that a
  // sender could leave out (extensions, leading zeros of sizes, trailers) may be at most 4 KiB per message
  // and 4 KiB more per 64 KiB of content, so that a message of one-byte chunks with long extensions is
  // refused; small chunks as such are not.
  Step feed(std::string_view bytes);

  bool done() const { return state_ == State::done; }
  // The connection has ended. True: the content is complete (Framing::until_close); false: it was cut short.
  bool end_of_stream();

 private:
  enum class State : uint8_t {
    length,
    until_close,
    size_first,
    size_digits,
    extension,
    size_lf,
    data,
    data_cr,
    data_lf,
    trailer_start,
    trailer_name,
    trailer_value,
    trailer_lf,
    final_lf,
    done,
    failed,
  };

  std::string_view take(std::string_view bytes);
  void frame(char c);
  void frame_size(char c);
  void frame_trailer(char c);
  void expect(char c, char wanted, State next);
  void count_avoidable();
  void fail(std::string_view reason);

  State state_ = State::done;
  uint8_t digits_ = 0;            // of the chunk size
  bool leading_zero_ = false;     // the chunk size began with 0
  uint64_t left_ = 0;             // of the content or of the current chunk
  uint64_t content_bytes_ = 0;    // in chunks that have ended or begun
  uint64_t avoidable_bytes_ = 0;  // of framing that could have been left out
  std::string_view reason_;
};

}  // namespace perigee::http
