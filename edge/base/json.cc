#include "edge/base/json.h"

template class nlohmann::basic_json<nlohmann::ordered_map>;

namespace perigee {

Json parse_json(std::string_view text) { return Json::parse(text, nullptr, false); }

std::string to_text(const Json& json, int indent) {
  return json.dump(indent, ' ', false, Json::error_handler_t::replace);
}

}  // namespace perigee
