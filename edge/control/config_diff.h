// What differs between two configurations, by key. Values of secrets are redacted, but that one changed is
// seen.
//
// Thread rule: pure functions.
#pragma once

#include <string>
#include <vector>

#include "edge/control/config.h"

namespace perigee::control {

struct ConfigChange {
  enum class Kind : uint8_t { changed, added, removed };
  Kind kind = Kind::changed;
  std::string key;       // of a setting; for a table of a list that came or went, the table: "site[docs]"
  std::string before;    // "" for added
  std::string after;     // "" for removed
  Place place;           // in the newer configuration, when it is there
  bool restart = false;  // takes effect only with a restart
};
std::string_view to_string(ConfigChange::Kind kind);

// In the order of their keys.
std::vector<ConfigChange> diff_configs(const Config& before, const Config& after);

}  // namespace perigee::control
