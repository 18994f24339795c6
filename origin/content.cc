#include "origin/content.h"

#include <cstring>

#include "origin/self_verifying.h"

namespace perigee::origin {

bool PatternContent::read(uint64_t offset, std::span<char> out) {
  fill_body(seed_, offset, out);
  return true;
}

bool TextContent::read(uint64_t offset, std::span<char> out) {
  if (offset > text_.size() || out.size() > text_.size() - offset) return false;
  std::memcpy(out.data(), text_.data() + offset, out.size());
  return true;
}

bool FileContent::read(uint64_t offset, std::span<char> out) {
  const auto read = file_->read(offset, out.data(), out.size());
  return read && *read == out.size();
}

}  // namespace perigee::origin
