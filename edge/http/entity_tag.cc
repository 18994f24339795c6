#include "edge/http/entity_tag.h"

#include "edge/base/bytes.h"

namespace perigee::http {

namespace {

// etagc = %x21 / %x23-7E / obs-text
bool is_etag_char(char c) {
  const auto u = static_cast<unsigned char>(c);
  return u == 0x21 || (u >= 0x23 && u <= 0x7e) || u >= 0x80;
}

// Takes one entity-tag from the start of text.
std::optional<EntityTag> take_entity_tag(std::string_view& text) {
  EntityTag tag;
  std::string_view left = text;
  if (left.starts_with("W/")) {  // case-sensitive, RFC 9110 8.8.3
    tag.weak = true;
    left.remove_prefix(2);
  }
  if (!left.starts_with('"')) return std::nullopt;
  left.remove_prefix(1);
  size_t length = 0;
  while (length < left.size() && is_etag_char(left[length])) ++length;
  if (length == left.size() || left[length] != '"') return std::nullopt;
  tag.opaque = left.substr(0, length);
  text = left.substr(length + 1);
  return tag;
}

}  // namespace

std::optional<EntityTag> parse_entity_tag(std::string_view text) {
  const auto tag = take_entity_tag(text);
  return text.empty() ? tag : std::nullopt;
}

bool EntityTags::next(EntityTag& tag) {
  left_ = trim_ows(left_);
  while (left_.starts_with(',')) left_ = trim_ows(left_.substr(1));
  const auto taken = take_entity_tag(left_);
  left_ = trim_ows(left_);
  if (!taken || (!left_.empty() && left_.front() != ',')) {
    left_ = {};
    return false;
  }
  tag = *taken;
  return true;
}

}  // namespace perigee::http
