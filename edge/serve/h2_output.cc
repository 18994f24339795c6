#include "edge/serve/h2_output.h"

#include <cstring>

namespace perigee::serve {

H2Output::H2Output() : scratch_(std::make_unique_for_overwrite<char[]>(scratch_bytes)) {
  slices_.reserve(2 * slices_max);
}

void H2Output::copy(std::string_view bytes) {
  if (bytes.empty()) return;
  char* at = scratch_.get() + scratch_used_;
  if (bytes.size() <= scratch_bytes - scratch_used_) {
    scratch_used_ += bytes.size();
  } else {
    overflow_.push_back(std::make_unique_for_overwrite<char[]>(bytes.size()));
    at = overflow_.back().get();
  }
  std::memcpy(at, bytes.data(), bytes.size());
  bytes_ += bytes.size();
  // Frame behind frame: one slice for all of them.
  if (!slices_.empty() && slices_.back().data() + slices_.back().size() == at && at != scratch_.get()) {
    slices_.back() = Slice(slices_.back().data(), slices_.back().size() + bytes.size());
    return;
  }
  slices_.emplace_back(at, bytes.size());
}

void H2Output::add(Slice bytes) {
  if (bytes.empty()) return;
  slices_.push_back(bytes);
  bytes_ += bytes.size();
}

size_t H2Output::write_to(net::Stream& stream, std::string& rest) {
  const size_t taken = slices_.empty() ? 0 : stream.write(slices_);
  size_t skip = taken;
  for (const Slice& slice : slices_) {
    if (skip >= slice.size()) {
      skip -= slice.size();
      continue;
    }
    rest.append(slice.substr(skip));
    skip = 0;
  }
  clear();
  return taken;
}

void H2Output::clear() {
  slices_.clear();
  overflow_.clear();
  scratch_used_ = 0;
  bytes_ = 0;
}

}  // namespace perigee::serve
