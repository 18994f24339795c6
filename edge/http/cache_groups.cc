#include "edge/http/cache_groups.h"

#include "edge/http/structured_fields.h"

namespace perigee::http {

std::vector<std::string> parse_groups(const FieldList& fields, std::string_view name) {
  const auto list = sf::parse_list(fields, name);
  if (!list) return {};
  std::vector<std::string> groups;
  for (const sf::Member& member : *list) {
    const sf::Item* item = std::get_if<sf::Item>(&member);
    const std::string* group = item != nullptr ? std::get_if<std::string>(&item->value) : nullptr;
    if (group == nullptr) return {};
    if (group->size() <= group_bytes_max && groups.size() < groups_max) groups.push_back(*group);
  }
  return groups;
}

}  // namespace perigee::http
