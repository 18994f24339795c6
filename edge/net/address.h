// An IPv4 or IPv6 socket address as a value.
//
// Thread rule: plain values.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <string>
#include <string_view>

#include "edge/base/result.h"

namespace perigee::net {

struct Address {
  enum class Family : uint8_t { v4, v6 };

  Family family = Family::v4;
  uint16_t port = 0;
  std::array<uint8_t, 16> bytes{};  // network order; the first four for v4

  // "192.0.2.1" or "2001:db8::1", without brackets or zone. Error: side internal, code "bad_address".
  static Result<Address> parse_ip(std::string_view ip, uint16_t port);
  // "192.0.2.1:80" or "[2001:db8::1]:80".
  static Result<Address> parse(std::string_view ip_and_port);

  std::string ip() const;         // no brackets
  std::string to_string() const;  // ip and port, brackets around v6
  bool is_loopback() const;
  Address with_port(uint16_t other) const {
    Address copy = *this;
    copy.port = other;
    return copy;
  }

  auto operator<=>(const Address&) const = default;
};

}  // namespace perigee::net
