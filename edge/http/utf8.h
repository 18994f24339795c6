// UTF-8 (RFC 3629).
//
// Thread rule: pure function.
#pragma once

#include <string_view>

namespace perigee::http {

// No overlong forms, no surrogates, nothing beyond U+10FFFF.
bool is_utf8(std::string_view bytes);

}  // namespace perigee::http
