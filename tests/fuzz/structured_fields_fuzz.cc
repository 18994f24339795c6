// Structured fields, and groups as one. Properties: what parses serialises, and the canonical text parses
// into the same value; groups keep their limits, and are strings of a list that parses.
#include <cstdlib>
#include <string>

#include "edge/http/cache_groups.h"
#include "edge/http/structured_fields.h"

namespace {

template <typename T, typename Parse>
void round_trip(const std::optional<T>& value, Parse parse) {
  if (!value) return;
  std::string text;
  if (!serialise(*value, text)) std::abort();
  const auto again = parse(text);
  if (!again || *again != *value) std::abort();
}

void check_groups(std::string_view text) {
  using namespace perigee::http;
  FieldList fields;
  fields.add(cache_groups_field, text);
  const auto groups = parse_groups(fields, cache_groups_field);
  if (groups.size() > groups_max) std::abort();
  if (!groups.empty() && !sf::parse_list(text)) std::abort();
  for (const std::string& group : groups) {
    if (group.size() > group_bytes_max || !sf::is_sf_string(group)) std::abort();
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace perigee::http;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  round_trip(sf::parse_item(text), [](std::string_view t) { return sf::parse_item(t); });
  round_trip(sf::parse_list(text), [](std::string_view t) { return sf::parse_list(t); });
  round_trip(sf::parse_dictionary(text), [](std::string_view t) { return sf::parse_dictionary(t); });
  check_groups(text);
  return 0;
}
