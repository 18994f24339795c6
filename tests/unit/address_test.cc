#include "edge/net/address.h"

#include <catch2/catch_test_macros.hpp>
#include <string_view>

using perigee::net::Address;

TEST_CASE("an address with a port prints as it was written, in canonical form", "[net][address]") {
  struct Row {
    std::string_view text, printed, ip;
    uint16_t port;
  };
  const Row rows[] = {
      {"192.0.2.1:80", "192.0.2.1:80", "192.0.2.1", 80},          {"0.0.0.0:0", "0.0.0.0:0", "0.0.0.0", 0},
      {"127.0.0.1:65535", "127.0.0.1:65535", "127.0.0.1", 65535}, {"[::1]:8080", "[::1]:8080", "::1", 8080},
      {"[2001:DB8:0::1]:1", "[2001:db8::1]:1", "2001:db8::1", 1}, {"[::]:443", "[::]:443", "::", 443},
  };
  for (const Row& row : rows) {
    auto address = Address::parse(row.text);
    INFO(row.text);
    REQUIRE(address);
    CHECK(address->to_string() == row.printed);
    CHECK(address->ip() == row.ip);
    CHECK(address->port == row.port);
  }
}

TEST_CASE("what is not an address with a port is refused and quoted", "[net][address]") {
  const std::string_view rows[] = {
      "",
      "192.0.2.1",
      "192.0.2.1:",
      "192.0.2.1:x",
      "192.0.2.1:65536",
      "192.0.2:80",
      "::1:80",
      "[::1]",
      "[::1:80",
      "[192.0.2.1]:80",
      "localhost:80",
      "192.0.2.1 :80",
      "[::1%lo]:80",
      "192.0.2.1:-1",
      "1.2.3.4.5:1",
      "[]:80",
      "999.1.1.1:80",
      "[1::2::3]:80",
  };
  for (std::string_view row : rows) {
    auto address = Address::parse(row);
    INFO(row);
    REQUIRE_FALSE(address);
    CHECK(address.error().code == "bad_address");
    CHECK(address.error().context.find("'" + std::string(row) + "'") != std::string::npos);
  }
}

TEST_CASE("an IP without a port takes neither brackets nor embedded zeros", "[net][address]") {
  CHECK(Address::parse_ip("2001:db8::1", 7)->to_string() == "[2001:db8::1]:7");
  CHECK(Address::parse_ip("10.0.0.1", 7)->to_string() == "10.0.0.1:7");
  CHECK_FALSE(Address::parse_ip("[::1]", 7));
  CHECK_FALSE(Address::parse_ip(std::string_view("10.0.0.1\0x", 10), 7));
  CHECK_FALSE(Address::parse_ip(std::string(100, '1'), 7));
}

TEST_CASE("only 127.0.0.0/8 and ::1 are loopback", "[net][address]") {
  CHECK(Address::parse_ip("127.0.0.1", 0)->is_loopback());
  CHECK(Address::parse_ip("127.9.8.7", 0)->is_loopback());
  CHECK(Address::parse_ip("::1", 0)->is_loopback());
  CHECK_FALSE(Address::parse_ip("128.0.0.1", 0)->is_loopback());
  CHECK_FALSE(Address::parse_ip("::", 0)->is_loopback());
  CHECK_FALSE(Address::parse_ip("1::1", 0)->is_loopback());
}

TEST_CASE("with_port changes the port only, and equal addresses compare equal", "[net][address]") {
  auto address = *Address::parse("[2001:db8::1]:80");
  CHECK(address.with_port(81).to_string() == "[2001:db8::1]:81");
  CHECK(address.with_port(81).with_port(80) == address);
  CHECK(address != *Address::parse("192.0.2.1:80"));
}
