// JSON as a tree: what the admin pages, the purge log and perigeectl read and write. Members keep their
// order. Log lines do without a tree (control/json_text.h).
//
// The library's templates are instantiated once, in json.cc: left to themselves they take longer to compile
// than the rest of a file.
//
// Thread rule: values; pure functions.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

extern template class nlohmann::basic_json<nlohmann::ordered_map>;

namespace perigee {

using Json = nlohmann::ordered_json;

// A discarded value (Json::is_discarded) for what is no JSON.
Json parse_json(std::string_view text);

// On one line, or indented by so many blanks. Bytes that are not UTF-8 become U+FFFD.
std::string to_text(const Json& json, int indent = -1);

}  // namespace perigee
