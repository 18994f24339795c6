// host [":" port], as in Host fields and request targets (RFC 3986 3.2.2, RFC 9110 7.2).
//
// Narrower than the grammar on purpose: a host is an IPv6 address in brackets or a name of letters, digits,
// '-' and '_' in non-empty labels; percent-encoding, sub-delimiters, user information and future address
// forms name no server and are refused. An empty port, port 0 and a port with leading zeros are refused, so
// that one port has one spelling.
//
// Thread rule: pure functions.
#pragma once

#include <optional>
#include <string_view>

namespace perigee::http {

struct Authority {
  std::string_view
      host;  // as sent: any case, with the brackets of an IPv6 address, perhaps with a trailing dot
  std::string_view port;  // 1 to 65535; empty if none was given
};

// nullopt for anything that is not exactly one host with at most one port; the empty text too.
std::optional<Authority> parse_authority(std::string_view text);

}  // namespace perigee::http
