// Looks for the first byte of a set, sixteen bytes at a time where the processor can: every byte of every
// request passes here.
//
// Thread rule: pure functions.
#pragma once

#include <bit>
#include <cstddef>
#include <string_view>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace perigee::http {

// Controls, tab among them, and DEL: what can end a field line, or must not be in it.
struct Controls {
  static bool has(char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }
#if defined(__SSE2__)
  static __m128i match(__m128i block) {
    const __m128i low = _mm_cmpeq_epi8(_mm_min_epu8(block, _mm_set1_epi8(0x1f)), block);
    return _mm_or_si128(low, _mm_cmpeq_epi8(block, _mm_set1_epi8(0x7f)));
  }
#endif
};

// Whatever is not visible ASCII, and one byte more that ends what is looked through.
template <char also>
struct NotVisibleOr {
  static bool has(char c) { return c <= 0x20 || c == 0x7f || c == also; }  // a byte above ASCII is negative
#if defined(__SSE2__)
  static __m128i match(__m128i block) {
    const __m128i not_above_space = _mm_cmpgt_epi8(_mm_set1_epi8(0x21), block);
    const __m128i del = _mm_cmpeq_epi8(block, _mm_set1_epi8(0x7f));
    return _mm_or_si128(_mm_or_si128(not_above_space, del), _mm_cmpeq_epi8(block, _mm_set1_epi8(also)));
  }
#endif
};
static_assert(static_cast<char>(0x80) < 0, "bytes above ASCII are told by their sign");

// Where the first byte of Set is, from `at` on; bytes.size() without one.
template <typename Set>
size_t find_byte_of(std::string_view bytes, size_t at) {
#if defined(__SSE2__)
  constexpr size_t block_bytes = sizeof(__m128i);
  const auto matches = [&bytes](size_t from) {
    const auto* block = reinterpret_cast<const __m128i*>(bytes.data() + from);
    return static_cast<unsigned>(_mm_movemask_epi8(Set::match(_mm_loadu_si128(block))));
  };
  for (; at + block_bytes <= bytes.size(); at += block_bytes) {
    const unsigned found = matches(at);
    if (found != 0) return at + static_cast<size_t>(std::countr_zero(found));
  }
  if (bytes.size() >= block_bytes && at < bytes.size()) {
    // The end is not a whole block: the last one is looked at again, from where it is new.
    const size_t last = bytes.size() - block_bytes;
    const unsigned found = matches(last) >> (at - last);
    return found != 0 ? at + static_cast<size_t>(std::countr_zero(found)) : bytes.size();
  }
#endif
  while (at < bytes.size() && !Set::has(bytes[at])) ++at;
  return at;
}

}  // namespace perigee::http
