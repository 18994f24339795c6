// Entity-tags (RFC 9110 8.8.3): parsing and the two comparisons.
//
// Thread rule: pure functions; views point into the text.
#pragma once

#include <optional>
#include <string_view>

namespace perigee::http {

struct EntityTag {
  std::string_view opaque;  // without quotes
  bool weak = false;
};

// "xyzzy" or W/"xyzzy", and nothing else.
std::optional<EntityTag> parse_entity_tag(std::string_view text);

// RFC 9110 8.8.3.2.
inline bool strong_match(const EntityTag& a, const EntityTag& b) {
  return !a.weak && !b.weak && a.opaque == b.opaque;
}
inline bool weak_match(const EntityTag& a, const EntityTag& b) { return a.opaque == b.opaque; }

// Steps over a list as in If-None-Match. Skips empty members; stops for good at the first thing that is no
// entity-tag. A comma inside a tag does not end it: a backslash means nothing in a tag, so this is not a list
// of quoted strings.
class EntityTags {
 public:
  explicit EntityTags(std::string_view list) : left_(list) {}
  bool next(EntityTag& tag);

 private:
  std::string_view left_;
};

}  // namespace perigee::http
