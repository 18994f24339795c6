// Cache-Status (RFC 9211) as nodes write it, taken apart.
//
// Thread rule: pure functions.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace perigee::sim {

struct CacheStatusMember {
  std::string name;
  bool hit = false;
  bool collapsed = false;
  bool stored = false;
  std::string fwd;
  std::optional<int> fwd_status;
  std::optional<long long> ttl;
  std::string detail;
};

// Nearest to the origin first. nullopt: it is not well-formed, or says hit and fwd at once.
std::optional<std::vector<CacheStatusMember>> parse_cache_status(std::string_view value);

}  // namespace perigee::sim
