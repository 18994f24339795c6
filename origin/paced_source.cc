#include "origin/paced_source.h"

#include <algorithm>
#include <utility>

namespace perigee::origin {
namespace {

constexpr Duration tick = std::chrono::milliseconds(5);

}  // namespace

PacedSource::PacedSource(net::Loop& loop, std::vector<BodyPart> parts, std::shared_ptr<Content> content,
                         const Pace& pace, std::function<void()> ready)
    : loop_(loop),
      parts_(std::move(parts)),
      content_(std::move(content)),
      pace_(pace),
      ready_(std::move(ready)),
      timer_(static_cast<net::TimerHandler&>(*this)),
      start_(loop.now() + pace.pause) {}

// Bytes that may have been given out by now, from the start.
uint64_t PacedSource::allowed() const {
  const Duration since = loop_.now() - start_;
  if (since < Duration::zero()) return 0;
  if (pace_.drip > Duration::zero()) return static_cast<uint64_t>(since / pace_.drip) + 1;
  if (pace_.bytes_per_second == 0) return ~uint64_t{0};
  const auto micros = std::chrono::duration_cast<std::chrono::microseconds>(since + tick).count();
  const uint64_t seconds = static_cast<uint64_t>(micros) / 1'000'000;
  const uint64_t rest = static_cast<uint64_t>(micros) % 1'000'000;
  return seconds * pace_.bytes_per_second + rest * pace_.bytes_per_second / 1'000'000;
}

serve::BodySource::State PacedSource::pull(std::span<Slice> out, size_t& count) {
  count = 0;
  if (buffer_at_ == buffer_.size()) {
    while (part_ < parts_.size() && part_at_ == parts_[part_].text.size() + parts_[part_].length) {
      ++part_;
      part_at_ = 0;
    }
    if (part_ == parts_.size()) return State::end;
    const uint64_t room = allowed() - std::min(allowed(), given_);
    if (room == 0) {
      wait();
      return State::wait;
    }
    if (!fill(static_cast<size_t>(std::min<uint64_t>(room, buffer_bytes)))) return State::failed;
  }
  out[count++] = Slice(buffer_).substr(buffer_at_);
  return State::ready;
}

void PacedSource::consumed(size_t bytes) {
  if (consumed_ == 0 && bytes > 0 && on_first_byte) on_first_byte();
  buffer_at_ += bytes;
  consumed_ += bytes;
}

// The next bytes of the current part, its text first.
bool PacedSource::fill(size_t bytes_max) {
  const BodyPart& part = parts_[part_];
  buffer_at_ = 0;
  if (part_at_ < part.text.size()) {
    buffer_ = part.text.substr(static_cast<size_t>(part_at_), bytes_max);
  } else {
    const uint64_t done = part_at_ - part.text.size();
    buffer_.resize(static_cast<size_t>(std::min<uint64_t>(bytes_max, part.length - done)));
    if (!content_->read(part.offset + done, buffer_)) {
      buffer_.clear();
      return false;
    }
  }
  part_at_ += buffer_.size();
  given_ += buffer_.size();
  return true;
}

void PacedSource::wait() {
  if (timer_.armed()) return;
  MonoTime next = loop_.now() + tick;
  if (loop_.now() < start_) {
    next = start_;
  } else if (pace_.drip > Duration::zero()) {
    next = start_ + pace_.drip * static_cast<int64_t>(given_);
  }
  loop_.timers().arm(timer_, next);
}

void PacedSource::on_timer(net::Timer&) { ready_(); }

}  // namespace perigee::origin
