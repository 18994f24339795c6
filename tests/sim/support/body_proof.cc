#include "tests/sim/support/body_proof.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "edge/base/bytes.h"
#include "edge/base/hash.h"
#include "edge/http/range.h"
#include "origin/self_verifying.h"

namespace perigee::sim {

namespace {

constexpr size_t part_head_max = 1024;

}  // namespace

void BodyProof::fail(std::string why) {
  if (fault_.empty()) fault_ = std::move(why);
  mode_ = Mode::anything;
}

void BodyProof::begin(const Outcome& head, std::string_view expected_id) {
  mode_ = Mode::anything;
  if (head.ask.is_unsafe() || !head.has("x-body-id")) return;
  const std::string id = head.field("x-body-id");
  const auto version = parse_decimal(head.field("x-version"));
  const auto length = parse_decimal(head.field("x-body-length"));
  if (id != expected_id) return fail(fmt::format("the answer is about {}, not {}", id, expected_id));
  if (!version || !length) return fail("x-version or x-body-length is missing or repeated");
  seed_ = origin::body_seed(id, *version);
  length_ = until_ = *length;
  at_ = 0;
  mode_ = Mode::none;
  if (head.ask.method == "HEAD") return;
  if (head.status == 200) {
    mode_ = Mode::plain;
  } else if (head.status == 206) {
    const std::string type = head.field("content-type");
    if (type.starts_with("multipart/byteranges")) {
      const size_t equals = type.find("boundary=");
      if (equals == std::string::npos) return fail("a multipart without boundary");
      std::string boundary = type.substr(equals + 9);
      std::erase(boundary, '"');
      delimiter_ = "\r\n--" + boundary;
      mode_ = Mode::part_head;
      return;
    }
    const auto range = http::parse_content_range(head.field("content-range"));
    if (!range || !range->range) return fail("a 206 without Content-Range");
    if (range->length && *range->length != length_) return fail("Content-Range names another length");
    at_ = range->range->first;
    until_ = range->range->last + 1;
    mode_ = Mode::plain;
  }
}

void BodyProof::compare(std::string_view bytes) {
  std::array<char, 4096> right;
  while (!bytes.empty() && fault_.empty()) {
    const size_t size = std::min(bytes.size(), right.size());
    if (at_ + size > until_) return fail(fmt::format("more content than announced, beyond {}", until_));
    origin::fill_body(seed_, at_, std::span(right.data(), size));
    if (std::string_view(right.data(), size) != bytes.substr(0, size)) {
      const size_t off = origin::verify_body(seed_, at_, bytes.substr(0, size));
      return fail(fmt::format("a wrong byte at {}", at_ + off));
    }
    at_ += size;
    bytes.remove_prefix(size);
  }
}

void BodyProof::feed(std::string_view bytes) {
  digest_ = hash64(bytes, digest_);
  switch (mode_) {
    case Mode::none:
      if (!bytes.empty()) fail("content where none may be");
      return;
    case Mode::plain:
      return compare(bytes);
    case Mode::part_head:
    case Mode::part_body:
      return feed_parts(bytes);
    case Mode::anything:
      return;
  }
}

void BodyProof::feed_parts(std::string_view bytes) {
  kept_ += bytes;
  if (!opened_) {
    // Before the first delimiter an empty line may stand, or nothing (RFC 2046 5.1.1).
    if (kept_.size() < 2) return;
    if (kept_.starts_with("--")) kept_.insert(0, "\r\n");
    opened_ = true;
  }
  while (fault_.empty()) {
    if (mode_ == Mode::part_body) {
      const size_t size = static_cast<size_t>(std::min<uint64_t>(kept_.size(), until_ - at_));
      compare(std::string_view(kept_).substr(0, size));
      kept_.erase(0, size);
      if (at_ < until_) return;
      mode_ = Mode::part_head;
    }
    if (closed_) return;
    if (kept_.starts_with(delimiter_ + "--")) {
      closed_ = true;
      return;
    }
    const size_t end = kept_.find("\r\n\r\n");
    if (end == std::string::npos) {
      if (kept_.size() > part_head_max) fail("a part without a head");
      return;
    }
    begin_part(std::string_view(kept_).substr(0, end + 2));
    kept_.erase(0, end + 4);
  }
}

void BodyProof::begin_part(std::string_view head) {
  if (!head.starts_with(delimiter_)) return fail("something between two parts");
  constexpr std::string_view name = "content-range: ";
  std::string lower(head);
  for (char& c : lower) c = to_lower(c);
  const size_t field = lower.find(name);
  if (field == std::string::npos) return fail("a part without Content-Range");
  const std::string_view line = head.substr(field + name.size());
  const auto range = http::parse_content_range(line.substr(0, line.find("\r\n")));
  if (!range || !range->range || range->length != length_) return fail("a part with a bad Content-Range");
  at_ = range->range->first;
  until_ = range->range->last + 1;
  ++parts_;
  mode_ = Mode::part_body;
}

void BodyProof::end() {
  if (!fault_.empty()) return;
  if (mode_ == Mode::plain && at_ != until_) {
    fail(fmt::format("complete by its framing at {} of {}", at_, until_));
  } else if (mode_ == Mode::part_body || (mode_ == Mode::part_head && (!closed_ || parts_ < 2))) {
    fail("a multipart that ends before its last delimiter");
  }
}

}  // namespace perigee::sim
