// Compares the content of one answer, as it arrives, with what it must be according to the answer's own head:
// a whole representation, a range of it, or several ranges (multipart/byteranges). Keeps no more than a
// part's head of it.
//
// Owned by the client's connection. Thread rule: the world's one thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "tests/sim/support/ask.h"

namespace perigee::sim {

class BodyProof {
 public:
  // The head has come; expected_id: what was asked for.
  void begin(const Outcome& head, std::string_view expected_id);
  void feed(std::string_view bytes);
  // The framing says the content is complete.
  void end();

  // The first thing that was wrong; empty: nothing.
  const std::string& fault() const { return fault_; }
  uint64_t digest() const { return digest_; }

 private:
  enum class Mode : uint8_t { none, plain, part_head, part_body, anything };

  void compare(std::string_view bytes);
  void feed_parts(std::string_view bytes);
  void begin_part(std::string_view head);
  void fail(std::string why);

  Mode mode_ = Mode::none;
  std::string fault_;
  uint64_t digest_ = 0;
  uint64_t seed_ = 0;
  uint64_t length_ = 0;  // of the whole representation
  uint64_t at_ = 0;
  uint64_t until_ = 0;
  std::string delimiter_;  // of a multipart
  std::string kept_;
  size_t parts_ = 0;
  bool opened_ = false;  // the first bytes of a multipart were looked at
  bool closed_ = false;  // the last delimiter has come
};

}  // namespace perigee::sim
