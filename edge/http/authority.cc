#include "edge/http/authority.h"

#include <arpa/inet.h>

#include <array>
#include <cstdint>
#include <cstring>

#include "edge/base/bytes.h"

namespace perigee::http {
namespace {

constexpr size_t name_bytes_max = 253;  // RFC 1035 2.3.4, without the root's dot
constexpr size_t label_bytes_max = 63;

enum class CharClass : uint8_t { foreign, label, dot };

constexpr std::array<CharClass, 256> make_classes() {
  std::array<CharClass, 256> table{};
  for (char c : std::string_view("-_0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")) {
    table[static_cast<unsigned char>(c)] = CharClass::label;
  }
  table['.'] = CharClass::dot;
  return table;
}

constexpr std::array<CharClass, 256> classes = make_classes();

// The bytes of the name that text begins with, its trailing dot among them; 0 if it begins with none.
size_t name_length(std::string_view text) {
  size_t label = 0;  // where the one being read begins
  size_t at = 0;
  for (; at < text.size(); ++at) {
    const CharClass is = classes[static_cast<unsigned char>(text[at])];
    if (is == CharClass::label) continue;
    if (is == CharClass::foreign) break;
    if (at == label || at - label > label_bytes_max) return 0;
    label = at + 1;
  }
  if (at - label > label_bytes_max) return 0;
  const bool ends_in_dot = at == label;  // or there is nothing
  return at - (ends_in_dot && at != 0 ? 1 : 0) <= name_bytes_max ? at : 0;
}

bool is_ipv6(std::string_view text) {
  std::array<char, INET6_ADDRSTRLEN> buffer{};
  if (text.size() >= buffer.size() || text.find('\0') != std::string_view::npos) return false;
  std::memcpy(buffer.data(), text.data(), text.size());
  in6_addr address;
  return inet_pton(AF_INET6, buffer.data(), &address) == 1;
}

bool is_port(std::string_view text) {
  if (text.empty() || text.size() > 5 || text.front() == '0') return false;
  uint32_t port = 0;
  for (char c : text) {
    if (!is_digit(c)) return false;
    port = port * 10 + static_cast<uint32_t>(c - '0');
  }
  return port <= 65535;
}

}  // namespace

std::optional<Authority> parse_authority(std::string_view text) {
  size_t host_end = 0;
  if (text.starts_with('[')) {
    const size_t bracket = text.find(']');
    if (bracket == std::string_view::npos || !is_ipv6(text.substr(1, bracket - 1))) return std::nullopt;
    host_end = bracket + 1;
  } else {
    host_end = name_length(text);
  }
  if (host_end == 0) return std::nullopt;
  Authority authority{text.substr(0, host_end), {}};
  if (host_end == text.size()) return authority;
  if (text[host_end] != ':') return std::nullopt;
  authority.port = text.substr(host_end + 1);
  if (!is_port(authority.port)) return std::nullopt;
  return authority;
}

}  // namespace perigee::http
