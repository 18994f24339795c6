#include "edge/proxy/stored_stream.h"

#include <algorithm>

namespace perigee::proxy {

namespace {

constexpr uint64_t waiting_bytes_max = 256 * 1024;

}  // namespace

serve::BodySource::State BodyCursor::pull(std::span<Slice> out, size_t& count) {
  using State = serve::BodySource::State;
  count = 0;
  uint64_t waiting = 0;
  for (const Piece& piece : pieces_) {
    if (count == out.size()) return State::ready;
    out[count++] = piece.bytes;
    waiting += piece.bytes.size();
  }
  while (count < out.size() && waiting < waiting_bytes_max && next_ < end_) {
    cache::Body::Read read = body_->read(next_);
    // A stored body is complete, so anything but bytes means that a part of it is gone for good.
    if (read.state != cache::Body::ReadState::bytes) return count > 0 ? State::ready : State::failed;
    read.bytes = read.bytes.substr(0, std::min<uint64_t>(read.bytes.size(), end_ - next_));
    next_ += read.bytes.size();
    waiting += read.bytes.size();
    out[count++] = read.bytes;
    pieces_.push_back({read.bytes, std::move(read.block)});
  }
  return count > 0 ? State::ready : State::end;
}

void BodyCursor::consumed(size_t bytes) {
  sent_ += bytes;
  while (bytes > 0) {
    Piece& first = pieces_.front();
    if (bytes < first.bytes.size()) {
      first.bytes.remove_prefix(bytes);
      return;
    }
    bytes -= first.bytes.size();
    pieces_.pop_front();
  }
}

}  // namespace perigee::proxy
