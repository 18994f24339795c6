// Structured fields. Property: what parses serialises, and the canonical text parses into the same value.
#include <cstdlib>
#include <string>

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

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace perigee::http;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  round_trip(sf::parse_item(text), [](std::string_view t) { return sf::parse_item(t); });
  round_trip(sf::parse_list(text), [](std::string_view t) { return sf::parse_list(t); });
  round_trip(sf::parse_dictionary(text), [](std::string_view t) { return sf::parse_dictionary(t); });
  return 0;
}
