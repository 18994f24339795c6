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

bool is_name(std::string_view text) {
  if (!text.empty() && text.back() == '.') text.remove_suffix(1);
  if (text.empty() || text.size() > name_bytes_max) return false;
  size_t label_bytes = 0;
  for (char c : text) {
    if (c != '.') {
      if (!label_chars[static_cast<unsigned char>(c)] || ++label_bytes > label_bytes_max) return false;
    } else {
      if (label_bytes == 0) return false;
      label_bytes = 0;
    }
  }
  return label_bytes != 0;
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
  const auto port = parse_decimal(text);
  return port && *port <= 65535;
}

}  // namespace

std::optional<Authority> parse_authority(std::string_view text) {
  if (text.empty()) return std::nullopt;
  Authority authority;
  const bool bracketed = text.front() == '[';
  size_t host_end = text.find(bracketed ? ']' : ':');
  if (bracketed) {
    if (host_end == std::string_view::npos || !is_ipv6(text.substr(1, host_end - 1))) return std::nullopt;
    ++host_end;
  }
  authority.host = text.substr(0, host_end);
  if (!bracketed && !is_name(authority.host)) return std::nullopt;
  if (authority.host.size() == text.size()) return authority;
  if (text[host_end] != ':') return std::nullopt;
  authority.port = text.substr(host_end + 1);
  if (!is_port(authority.port)) return std::nullopt;
  return authority;
}

}  // namespace perigee::http
