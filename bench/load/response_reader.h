// Takes the responses of one connection apart, strictly: what RFC 9112 does not allow is malformed. Bodies
// are handed on in the pieces they arrive in; nothing is collected but an unfinished head or chunk line.
//
// Ownership: a client connection owns one. Thread rule: one thread.
//
// Always true: a response is `end` only when its own framing says so, or when the connection's end is its
// framing.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace perigee::load {

struct ResponseHead {
  int status = 0;
  int minor_version = 1;
  bool chunked = false;
  bool close = false;
  std::optional<uint64_t> content_length;

  struct Line {
    std::string_view name;  // as sent
    std::string_view value;
  };
  std::vector<Line> lines;

  // First value of a field, by lower-case or mixed-case name; empty when it is not there.
  std::string_view find(std::string_view name) const;
};

class ResponseReader {
 public:
  enum class Event : uint8_t { need_more, head, body, end, malformed };
  struct Step {
    Event event = Event::need_more;
    size_t used = 0;  // bytes of the input that are done with
    std::string_view body;
  };

  // A response to a HEAD request has no body, whatever its head says.
  void begin(bool head_request);

  // Goes on to the next event. Interim responses (1xx) are skipped. After `end`, begin() starts the next
  // response.
  Step next(std::string_view input);

  // The connection ended: true when that completes the response.
  bool ended_by_close() const { return state_ == State::until_close; }
  // No byte of the response has come yet.
  bool untouched() const { return state_ == State::head && text_.empty(); }

  // Views are good until the next begin().
  const ResponseHead& head() const { return head_; }

 private:
  enum class State : uint8_t {
    head,
    sized,
    until_close,
    chunk_size,
    chunk_data,
    chunk_end,
    trailers,
    end,
    malformed
  };

  Step read_head(std::string_view input);
  Step read_sized(std::string_view input);
  Step read_chunk_data(std::string_view input);
  Step read_line(std::string_view input);
  bool parse_head();
  bool parse_field(std::string_view line);
  void choose_framing();
  bool take_line(std::string_view line);

  State state_ = State::head;
  bool head_request_ = false;
  std::string text_;  // the head; then an unfinished chunk line
  std::string line_;
  uint64_t remaining_ = 0;
  ResponseHead head_;
};

}  // namespace perigee::load
