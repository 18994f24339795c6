// How a message to an operator shows what was found in a file or came from outside.
//
// Thread rule: pure functions.
#pragma once

#include <string>
#include <string_view>

namespace perigee {

// In quotes, control characters and invalid UTF-8 as "?", at most 64 bytes.
std::string in_quotes(std::string_view text);

}  // namespace perigee
