#include "bench/load/body_check.h"

#include <algorithm>

#include "edge/base/bytes.h"
#include "edge/base/hash.h"
#include "origin/self_verifying.h"

namespace perigee::load {

namespace {

// The first and the whole of "bytes 100-199/2000" (RFC 9110 14.4).
struct Part {
  uint64_t first = 0;
  uint64_t end = 0;
};
std::optional<Part> parse_content_range(std::string_view value) {
  if (value.substr(0, 6) != "bytes ") return std::nullopt;
  value.remove_prefix(6);
  const size_t dash = value.find('-');
  const size_t slash = value.find('/');
  if (dash == std::string_view::npos || slash == std::string_view::npos || dash > slash) return std::nullopt;
  const auto first = parse_decimal(value.substr(0, dash));
  const auto last = parse_decimal(value.substr(dash + 1, slash - dash - 1));
  if (!first || !last || *last < *first) return std::nullopt;
  return Part{*first, *last + 1};
}

}  // namespace

size_t BodyCheck::PlaceHash::operator()(const Place& place) const { return hash64(place.seed, place.number); }

BodyCheck::Progress BodyCheck::begin(const ResponseHead& head, std::string_view expected_id) const {
  Progress progress;
  const std::string_view id = head.find("x-body-id");
  const auto version = parse_decimal(head.find("x-version"));
  if (id.empty() || !version) {
    progress.fault = Fault::unverifiable;
    return progress;
  }
  if (!expected_id.empty() && id != expected_id) progress.fault = Fault::wrong_id;
  progress.seed = origin::body_seed(id, *version);
  progress.end = parse_decimal(head.find("x-body-length"));
  if (head.status == 206) {
    const auto part = parse_content_range(head.find("content-range"));
    if (!part) progress.fault = Fault::unverifiable;
    progress.offset = part ? part->first : 0;
    progress.end = part ? std::optional(part->end) : std::nullopt;
  }
  return progress;
}

std::string_view BodyCheck::window(uint64_t seed, uint64_t number) {
  if (windows_.size() >= windows_max) windows_.clear();
  std::string& bytes = windows_[Place{seed, number}];
  if (bytes.empty()) {
    bytes.resize(window_bytes);
    origin::fill_body(seed, number * window_bytes, bytes);
  }
  return bytes;
}

void BodyCheck::body(Progress& progress, std::string_view bytes) {
  while (!bytes.empty() && progress.fault == Fault::none) {
    const uint64_t at = progress.offset % window_bytes;
    const std::string_view expected =
        window(progress.seed, progress.offset / window_bytes).substr(at, bytes.size());
    if (bytes.substr(0, expected.size()) != expected) progress.fault = Fault::wrong_byte;
    progress.offset += expected.size();
    bytes.remove_prefix(expected.size());
  }
}

void BodyCheck::end(Progress& progress) const {
  if (progress.fault == Fault::none && progress.end && progress.offset != *progress.end) {
    progress.fault = Fault::wrong_length;
  }
}

}  // namespace perigee::load
