#include "edge/http/authority.h"

#include <arpa/inet.h>

#include <array>
#include <cstring>

#include "edge/base/bytes.h"

namespace perigee::http {
namespace {

constexpr size_t name_bytes_max = 253;  // RFC 1035 2.3.4, without the root's dot
constexpr size_t label_bytes_max = 63;

constexpr std::array<bool, 256> make_label_chars() {
  std::array<bool, 256> table{};
  for (char c : std::string_view("-_0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")) {
    table[static_cast<unsigned char>(c)] = true;
  }
  return table;
}

constexpr std::array<bool, 256> label_chars = make_label_chars();

// The bytes of the name that text begins with, its trailing dot among them; 0 if it begins with none.
size_t name_length(std::string_view text) {
  const char* const begin = text.data();
  const char* const end = begin + text.size();
  const char* at = begin;
  for (;;) {
    const char* const label = at;
    while (at != end && label_chars[static_cast<unsigned char>(*at)]) ++at;
    const auto label_bytes = static_cast<size_t>(at - label);
    // An empty label is the root's: after a name, at its end.
    if (label_bytes == 0 && (at == begin || (at != end && *at == '.'))) return 0;
    if (label_bytes > label_bytes_max) return 0;
    if (at == end || *at != '.') break;
    ++at;
  }
  const auto length = static_cast<size_t>(at - begin);
  return length - (at[-1] == '.' ? 1 : 0) <= name_bytes_max ? length : 0;
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
