// Bodies that prove themselves: every byte is a function of what the body is about (an id), its version, and
// the byte's offset. Who receives a part of such a body can tell that these are the right bytes, of the right
// version, at the right place, and not mixed with others.
//
// The origin names id, version and whole length in the fields x-body-id, x-version and x-body-length of its
// answer.
//
// Eight bytes at a time: word i of a body, in little-endian order, is SplitMix64 (Steele, Lea, Flood 2014) of
// the seed and i, so any offset can be computed by itself, at several bytes per nanosecond.
//
// Thread rule: pure functions.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>

#include "edge/base/hash.h"

namespace perigee::origin {

// What id and version make of a body.
inline uint64_t body_seed(std::string_view id, uint64_t version) { return hash64(hash64(id), version); }

inline uint64_t body_word(uint64_t seed, uint64_t index) {
  uint64_t z = seed + (index + 1) * 0x9e3779b97f4a7c15;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
  z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
  return z ^ (z >> 31);
}

inline char body_byte(uint64_t seed, uint64_t offset) {
  return static_cast<char>((body_word(seed, offset / 8) >> (offset % 8 * 8)) & 0xff);
}

// The bytes from offset on.
inline void fill_body(uint64_t seed, uint64_t offset, std::span<char> out) {
  size_t at = 0;
  while (at < out.size() && (offset + at) % 8 != 0) {
    out[at] = body_byte(seed, offset + at);
    ++at;
  }
  for (; at + 8 <= out.size(); at += 8) {
    const uint64_t word = body_word(seed, (offset + at) / 8);
    char bytes[8];
    for (size_t i = 0; i < 8; ++i) bytes[i] = static_cast<char>((word >> (8 * i)) & 0xff);
    std::memcpy(out.data() + at, bytes, 8);
  }
  for (; at < out.size(); ++at) out[at] = body_byte(seed, offset + at);
}

// The index of the first byte that is not what it should be; bytes.size() when all are right.
inline size_t verify_body(uint64_t seed, uint64_t offset, std::string_view bytes) {
  for (size_t i = 0; i < bytes.size(); ++i) {
    if (bytes[i] != body_byte(seed, offset + i)) return i;
  }
  return bytes.size();
}

}  // namespace perigee::origin
