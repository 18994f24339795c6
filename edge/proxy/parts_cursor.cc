#include "edge/proxy/parts_cursor.h"

#include <algorithm>
#include <utility>

namespace perigee::proxy {

namespace {

// As much as one pull may take beyond what is already waiting for the kernel.
constexpr uint64_t waiting_bytes_max = 1024 * 1024;

}  // namespace

PartsCursor::Taken PartsCursor::take(RepresentationBytes& from) {
  using ReadState = cache::Body::ReadState;
  const Part& part = parts_[part_];
  if (!text_taken_) {
    text_taken_ = true;
    if (!part.text.empty()) {
      pieces_.push_back({part.text, nullptr});
      return Taken::some;
    }
  }
  if (taken_ == part.length) return Taken::part_done;
  cache::Body::Read read = from.read_representation(part.first + taken_);
  switch (read.state) {
    case ReadState::bytes:
      read.bytes = read.bytes.substr(0, std::min<uint64_t>(read.bytes.size(), part.length - taken_));
      taken_ += read.bytes.size();
      pieces_.push_back({read.bytes, std::move(read.block)});
      return Taken::some;
    case ReadState::wait:
      return Taken::wait;
    case ReadState::end:
      return part.length == Part::to_the_end ? Taken::part_done : Taken::failed;
    case ReadState::absent:
    case ReadState::failed:
      return Taken::failed;
  }
  return Taken::failed;
}

serve::BodySource::State PartsCursor::pull(RepresentationBytes& from, std::span<Slice> out, size_t& count) {
  using State = serve::BodySource::State;
  count = 0;
  uint64_t waiting = 0;
  for (const Piece& piece : pieces_) {
    if (count == out.size()) return State::ready;
    out[count++] = piece.bytes;
    waiting += piece.bytes.size();
  }
  while (count < out.size() && waiting < waiting_bytes_max && part_ < parts_.size()) {
    switch (take(from)) {
      case Taken::some:
        out[count++] = pieces_.back().bytes;
        waiting += pieces_.back().bytes.size();
        break;
      case Taken::part_done:
        ++part_;
        text_taken_ = false;
        taken_ = 0;
        break;
      case Taken::wait:
        return count > 0 ? State::ready : State::wait;
      case Taken::failed:
        return count > 0 ? State::ready : State::failed;
    }
  }
  if (count > 0) return State::ready;
  return part_ == parts_.size() ? State::end : State::wait;
}

void PartsCursor::consumed(size_t bytes) {
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
