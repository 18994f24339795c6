// HMAC-SHA256 (RFC 2104, FIPS 198-1) and a comparison that takes the same time wherever two inputs differ.
//
// Thread rule: pure functions.
#pragma once

#include <array>
#include <string>
#include <string_view>

namespace perigee {

using Mac = std::array<unsigned char, 32>;

Mac hmac_sha256(std::string_view key, std::string_view message);

// Lower-case hexadecimal, 64 characters.
std::string to_hex(const Mac& mac);

// False at once when the lengths differ; otherwise the time depends on the length alone.
bool equal_constant_time(std::string_view a, std::string_view b);

}  // namespace perigee
