#include "edge/net/memory_pipe.h"

#include <algorithm>
#include <cstring>

#include "edge/net/memory_stream.h"

namespace perigee::net {
namespace {

// So that a limited link passes a large write bit by bit.
constexpr size_t segment_bytes_max = 16 * 1024;

void mark(const std::weak_ptr<MemoryStream>& weak) {
  if (auto stream = weak.lock()) stream->mark_ready();
}

}  // namespace

void MemoryPipe::send(std::string_view bytes) {
  while (!bytes.empty()) {
    std::string_view part = bytes.substr(0, segment_bytes_max);
    held_ += part.size();
    push({std::string(part)});
    bytes.remove_prefix(part.size());
  }
}

void MemoryPipe::send_end() { push({{}, true, false}); }

void MemoryPipe::send_reset_in_order() { push({{}, false, true}); }

void MemoryPipe::push(Segment segment) {
  size_t bytes = segment.bytes.size();
  segments_.push_back(std::move(segment));
  network_.carry(from_, to_, bytes, &last_arrival_, [pipe = shared_from_this()] { pipe->arrive(); });
}

void MemoryPipe::send_reset() {
  segments_.resize(arrived_);
  network_.carry_or_lose(from_, to_, [pipe = shared_from_this()] {
    pipe->set_reset();
    mark(pipe->receiver);
  });
}

// Events carry no segment: each makes the next one in order readable, so jitter cannot reorder a stream.
void MemoryPipe::arrive() {
  if (arrived_ == segments_.size()) return;
  if (!receiver_gone_) {
    ++arrived_;
    mark(receiver);
    return;
  }
  bool provokes_reset = !segments_.front().end && !segments_.front().reset;
  segments_.pop_front();
  if (provokes_reset) answer_with_reset();
}

void MemoryPipe::answer_with_reset() {
  network_.carry_or_lose(to_, from_, [weak = sender] {
    if (auto stream = weak.lock()) stream->hear_reset();
  });
}

size_t MemoryPipe::read(char* into, size_t size) {
  size_t taken = 0;
  while (taken < size && readable()) {
    const std::string& bytes = segments_.front().bytes;
    size_t part = std::min(size - taken, bytes.size() - offset_);
    std::memcpy(into + taken, bytes.data() + offset_, part);
    taken += part;
    offset_ += part;
    if (offset_ < bytes.size()) break;
    segments_.pop_front();
    --arrived_;
    offset_ = 0;
  }
  held_ -= taken;
  if (taken > 0) mark(sender);
  return taken;
}

void MemoryPipe::close_receiver() {
  receiver_gone_ = true;
  segments_.erase(segments_.begin(), segments_.begin() + static_cast<ptrdiff_t>(arrived_));
  arrived_ = 0;
  offset_ = 0;
}

}  // namespace perigee::net
