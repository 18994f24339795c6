// Sends parts of a representation, in order, for a connection that pulls: its bytes from wherever they are
// just now, and text between them (multipart/byteranges).
//
// Pins the blocks it hands out until they are consumed, and nothing else: eviction and replacement do not
// wait for slow clients.
//
// Thread rule: one worker's loop.
#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <vector>

#include "edge/cache/body.h"
#include "edge/serve/handler.h"

namespace perigee::proxy {

// Where the bytes of one representation are found. `wait`: body_ready() of the exchange follows.
class RepresentationBytes {
 public:
  virtual cache::Body::Read read_representation(uint64_t offset) = 0;

 protected:
  ~RepresentationBytes() = default;
};

struct Part {
  static constexpr uint64_t to_the_end = UINT64_MAX;

  std::string text;  // before the bytes
  uint64_t first = 0;
  uint64_t length = 0;  // to_the_end: as many as there are
};

class PartsCursor {
 public:
  explicit PartsCursor(std::vector<Part> parts) : parts_(std::move(parts)) {}

  serve::BodySource::State pull(RepresentationBytes& from, std::span<Slice> out, size_t& count);
  void consumed(size_t bytes);

  // The last byte of the representation that the part under way needs.
  uint64_t last() const {
    const Part& part = parts_[part_];
    return part.length > UINT64_MAX - part.first ? UINT64_MAX : part.first + part.length - 1;
  }

 private:
  struct Piece {
    Slice bytes;
    cache::BlockRef block;  // none for text
  };
  enum class Taken : uint8_t { some, part_done, wait, failed };
  Taken take(RepresentationBytes& from);

  const std::vector<Part> parts_;
  size_t part_ = 0;
  bool text_taken_ = false;  // of the part
  uint64_t taken_ = 0;       // bytes of the part
  std::deque<Piece> pieces_;
};

}  // namespace perigee::proxy
