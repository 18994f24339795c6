// Weighted list members as in Accept-Encoding and Accept-Language (RFC 9110 12.4.2).
//
// Thread rule: pure functions on borrowed memory.
#pragma once

#include <cstdint>
#include <string_view>

namespace perigee::http {

struct Weighted {
  std::string_view name;        // what stands before the weight, parameters other than q included
  uint16_t thousandths = 1000;  // q in thousandths, 0 to 1000
};

// member: one list member, trimmed. Without a well-formed weight the whole member is the name and weighs
// 1000.
Weighted parse_weighted(std::string_view member);

}  // namespace perigee::http
