#include "edge/net/address.h"

#include <arpa/inet.h>

#include <algorithm>
#include <charconv>
#include <cstring>

#include "edge/base/bytes.h"

namespace perigee::net {
namespace {

tl::unexpected<Error> bad_address(std::string_view found, std::string_view expected) {
  return fail(Side::internal, "bad_address",
              "found '" + std::string(found) + "', expected " + std::string(expected));
}

}  // namespace

Result<Address> Address::parse_ip(std::string_view ip, uint16_t port) {
  char text[INET6_ADDRSTRLEN + 1] = {};
  Address address;
  address.port = port;
  if (ip.size() < sizeof text) {
    std::memcpy(text, ip.data(), ip.size());
    address.family = Family::v4;
    if (std::strlen(text) == ip.size()) {
      if (inet_pton(AF_INET, text, address.bytes.data()) == 1) return address;
      address.family = Family::v6;
      if (inet_pton(AF_INET6, text, address.bytes.data()) == 1) return address;
    }
  }
  return bad_address(ip, "an IPv4 or IPv6 address");
}

Result<Address> Address::parse(std::string_view ip_and_port) {
  constexpr std::string_view expected = "192.0.2.1:80 or [2001:db8::1]:80";
  size_t colon = ip_and_port.rfind(':');
  if (colon == std::string_view::npos) return bad_address(ip_and_port, expected);
  std::string_view ip = ip_and_port.substr(0, colon);
  auto port = parse_decimal(ip_and_port.substr(colon + 1));
  if (!port || *port > 65535) return bad_address(ip_and_port, "a port from 0 to 65535 after the last colon");
  bool bracketed = ip.size() >= 2 && ip.front() == '[' && ip.back() == ']';
  if (bracketed) ip = ip.substr(1, ip.size() - 2);
  auto address = parse_ip(ip, static_cast<uint16_t>(*port));
  if (!address || bracketed != (address->family == Family::v6)) return bad_address(ip_and_port, expected);
  return address;
}

std::string Address::ip() const {
  char text[INET6_ADDRSTRLEN] = {};
  if (family == Family::v6) {
    inet_ntop(AF_INET6, bytes.data(), text, sizeof text);
    return text;
  }
  // By hand: the C library goes through printf, and every request that is forwarded says who asked.
  char* at = text;
  for (size_t i = 0; i < 4; ++i) {
    if (i > 0) *at++ = '.';
    at = std::to_chars(at, at + 3, bytes[i]).ptr;
  }
  return {text, at};
}

std::string Address::to_string() const {
  std::string text = family == Family::v4 ? ip() : "[" + ip() + "]";
  return text + ":" + std::to_string(port);
}

bool Address::is_loopback() const {
  if (family == Family::v4) return bytes[0] == 127;
  return bytes[15] == 1 &&
         std::all_of(bytes.begin(), bytes.end() - 1, [](uint8_t byte) { return byte == 0; });
}

}  // namespace perigee::net
