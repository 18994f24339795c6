#include "edge/base/bytes.h"
#include "edge/http/cache_control.h"
#include "edge/http/h1_lines.h"
#include "edge/http/lists.h"
#include "edge/http/structured_fields.h"

namespace perigee::http {

namespace {

// RFC 9213 2.1: seconds are Integers; anything else is no lifetime that could be trusted.
void set_seconds(const sf::BareItem* value, DeltaSeconds& target) {
  const int64_t* seconds = value != nullptr ? std::get_if<int64_t>(value) : nullptr;
  if (seconds == nullptr || *seconds < 0) {
    target = {DeltaSeconds::State::invalid, 0};
  } else {
    target = {DeltaSeconds::State::valid,
              *seconds > delta_seconds_max ? delta_seconds_max : static_cast<int32_t>(*seconds)};
  }
}

// True alone is the whole response; a String or Token lists fields; anything else is taken for the whole
// response.
void restrict_fields(const sf::BareItem* value, bool& everything, std::vector<std::string>& names) {
  const std::string* text = value != nullptr ? std::get_if<std::string>(value) : nullptr;
  const sf::Token* token = value != nullptr ? std::get_if<sf::Token>(value) : nullptr;
  if (text == nullptr && token != nullptr) text = &token->text;
  std::vector<std::string> found;
  if (text != nullptr) {
    ListMembers members{std::string_view(*text)};
    std::string_view member;
    while (members.next(member)) {
      if (member.empty()) continue;
      if (!is_token(member)) {
        everything = true;
        return;
      }
      for (char& c : found.emplace_back(member)) c = to_lower(c);
    }
  }
  if (found.empty()) everything = true;
  names.insert(names.end(), found.begin(), found.end());
}

void apply(std::string_view key, const sf::BareItem* value, ResponseCacheControl& control) {
  if (key == "max-age") set_seconds(value, control.max_age);
  if (key == "s-maxage") set_seconds(value, control.s_maxage);
  if (key == "stale-while-revalidate") set_seconds(value, control.stale_while_revalidate);
  if (key == "stale-if-error") set_seconds(value, control.stale_if_error);
  const bool off = value != nullptr && *value == sf::BareItem(false);
  if (off) return;
  if (key == "no-store") control.no_store = true;
  if (key == "no-cache") restrict_fields(value, control.no_cache, control.no_cache_fields);
  if (key == "private") restrict_fields(value, control.is_private, control.private_fields);
  if (key == "public") control.is_public = true;
  if (key == "must-revalidate") control.must_revalidate = true;
  if (key == "proxy-revalidate") control.proxy_revalidate = true;
  if (key == "must-understand") control.must_understand = true;
  if (key == "no-transform") control.no_transform = true;
  if (key == "immutable") control.immutable = true;
}

}  // namespace

std::optional<ResponseCacheControl> parse_targeted_cache_control(const FieldList& response,
                                                                 std::string_view name) {
  if (response.find(name) == nullptr) return std::nullopt;
  const auto dictionary = sf::parse_dictionary(response, name);
  if (!dictionary || dictionary->empty()) return std::nullopt;
  ResponseCacheControl control;
  for (const auto& [key, member] : *dictionary) {
    const sf::Item* item = std::get_if<sf::Item>(&member);
    apply(key, item != nullptr ? &item->value : nullptr, control);
  }
  return control;
}

}  // namespace perigee::http
