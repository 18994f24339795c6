#include "edge/serve/output.h"

#include <algorithm>
#include <array>
#include <cassert>
#include <cstring>
#include <span>

namespace perigee::serve {

void OutputQueue::add_copy(std::string_view bytes) {
  if (bytes.empty()) return;
  auto owned = std::make_unique_for_overwrite<char[]>(bytes.size());
  std::memcpy(owned.get(), bytes.data(), bytes.size());
  const Slice view(owned.get(), bytes.size());
  segments_.push_back({view, {}, std::move(owned)});
}

void OutputQueue::add_view(Slice bytes, const Hold& acquired) {
  segments_.push_back({bytes, acquired, nullptr});
}

size_t OutputQueue::write_to(net::Stream& stream) {
  size_t total = 0;
  while (!empty()) {
    std::array<Slice, 64> slices;
    size_t count = 0;
    size_t offered = 0;
    for (size_t i = first_; i < segments_.size() && count < slices.size(); ++i) {
      slices[count++] = segments_[i].bytes;
      offered += segments_[i].bytes.size();
    }
    const size_t taken = stream.write({slices.data(), count});
    total += taken;
    take(taken);
    if (taken < offered) break;
  }
  return total;
}

void OutputQueue::take(size_t bytes) {
  while (!empty() && bytes >= segments_[first_].bytes.size()) {
    bytes -= segments_[first_].bytes.size();
    drop_front();
  }
  if (bytes > 0) segments_[first_].bytes.remove_prefix(bytes);
  if (empty()) clear();
}

void OutputQueue::drop_front() {
  Segment& front = segments_[first_++];
  if (front.hold.release != nullptr) front.hold.release(front.hold.owner, front.hold.object);
  front.owned.reset();
}

void OutputQueue::clear() {
  while (!empty()) drop_front();
  std::vector<Segment>().swap(segments_);
  first_ = 0;
}

OutputBatch::OutputBatch() : scratch_(std::make_unique_for_overwrite<char[]>(scratch_bytes)) {
  slices_.reserve(256);
  owners_.reserve(256);
  holds_.reserve(128);
}

uint32_t OutputBatch::add_hold(const Hold& hold) {
  holds_.push_back(hold);
  return static_cast<uint32_t>(holds_.size() - 1);
}

void OutputBatch::add_held(Slice bytes, uint32_t hold) {
  if (bytes.empty()) return;
  slices_.push_back(bytes);
  owners_.push_back(hold);
  open_ = false;
}

char* OutputBatch::claim(size_t size) {
  if (size <= scratch_bytes - scratch_used_) return scratch_.get() + scratch_used_;
  overflow_.push_back(std::make_unique_for_overwrite<char[]>(size));
  return overflow_.back().get();
}

void OutputBatch::add_text(const char* claimed, size_t size) {
  if (size == 0) return;
  const bool in_scratch = claimed == scratch_.get() + scratch_used_;
  if (in_scratch) scratch_used_ += size;
  if (in_scratch && open_) {
    slices_.back() = {slices_.back().data(), slices_.back().size() + size};
    return;
  }
  slices_.emplace_back(claimed, size);
  owners_.push_back(scratch_piece);
  open_ = in_scratch;
}

void OutputBatch::copy_text(std::string_view bytes) {
  if (bytes.empty()) return;
  char* at = claim(bytes.size());
  std::memcpy(at, bytes.data(), bytes.size());
  add_text(at, bytes.size());
}

void OutputBatch::add_body(Slice bytes) {
  if (bytes.empty()) return;
  slices_.push_back(bytes);
  owners_.push_back(body_piece);
  body_bytes_ += bytes.size();
  open_ = false;
}

OutputBatch::Written OutputBatch::write_to(net::Stream& stream, OutputQueue& queue) {
  assert(queue.empty());
  constexpr size_t slices_per_write = 1024;
  Written result;
  result.all = true;
  const std::span<const Slice> slices(slices_);
  for (size_t at = 0; at < slices.size() && result.all; at += slices_per_write) {
    const auto part = slices.subspan(at, std::min(slices_per_write, slices.size() - at));
    size_t offered = 0;
    for (const Slice& slice : part) offered += slice.size();
    const size_t taken = stream.write(part);
    result.bytes += taken;
    result.all = taken == offered;
  }
  if (result.all) {
    result.body_bytes = body_bytes_;
    drop();
  } else {
    result.body_bytes = spill(queue, result.bytes);
  }
  return result;
}

size_t OutputBatch::spill(OutputQueue& queue, size_t written) {
  size_t body_written = 0;
  uint32_t acquired = scratch_piece;
  for (size_t i = 0; i < slices_.size(); ++i) {
    const size_t gone = written < slices_[i].size() ? written : slices_[i].size();
    written -= gone;
    if (owners_[i] == body_piece) {
      body_written += gone;
      if (gone < slices_[i].size()) break;
    } else if (gone < slices_[i].size()) {
      keep(queue, i, slices_[i].substr(gone), acquired);
    }
  }
  drop();
  return body_written;
}

void OutputBatch::keep(OutputQueue& queue, size_t piece, Slice rest, uint32_t& acquired) {
  const uint32_t owner = owners_[piece];
  if (owner == scratch_piece) {
    queue.add_copy(rest);
    return;
  }
  Hold& hold = holds_[owner];
  if (acquired != owner && hold.acquire != nullptr && !hold.given) hold.acquire(hold.owner, hold.object);
  acquired = owner;
  // The last piece under a hold releases it: pieces leave in order.
  bool last = true;
  for (size_t i = piece + 1; i < owners_.size() && i <= piece + 2; ++i) last = last && owners_[i] != owner;
  queue.add_view(rest, last ? hold : Hold{});
  hold.given = hold.given && !last;
}

Slice OutputBatch::set_aside() {
  const Slice text = slices_.front();
  set_aside_ = scratch_used_;
  drop();
  return text;
}

void OutputBatch::drop() {
  for (const Hold& hold : holds_) {
    if (hold.given && hold.release != nullptr) hold.release(hold.owner, hold.object);
  }
  slices_.clear();
  owners_.clear();
  holds_.clear();
  if (!overflow_.empty()) overflow_.clear();
  scratch_used_ = set_aside_;
  open_ = false;
  body_bytes_ = 0;
  replies_ = 0;
}

}  // namespace perigee::serve
