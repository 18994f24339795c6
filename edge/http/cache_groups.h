// Cache-Groups and Cache-Group-Invalidation (RFC 9875): lists of strings, by which an origin says what
// belongs together and what an unsafe request has changed.
//
// A field that is no list, or has a member that is no string, is ignored as a whole (RFC 9651 4.2).
// Parameters are ignored. Of a field the first 128 groups of at most 256 bytes count (the RFC asks for 32 of
// 32 characters); an empty string is a group.
//
// Thread rule: pure functions.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "edge/http/fields.h"

namespace perigee::http {

inline constexpr std::string_view cache_groups_field = "cache-groups";
inline constexpr std::string_view cache_group_invalidation_field = "cache-group-invalidation";

inline constexpr size_t groups_max = 128;
inline constexpr size_t group_bytes_max = 256;

// name: one of the two. All lines count as one list; in their order, repetitions included.
std::vector<std::string> parse_groups(const FieldList& fields, std::string_view name);

}  // namespace perigee::http
