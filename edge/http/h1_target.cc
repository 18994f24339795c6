#include "edge/http/h1_target.h"

#include <algorithm>
#include <array>

#include "edge/base/bytes.h"
#include "edge/http/authority.h"

namespace perigee::http {
namespace {

constexpr Refusal method_too_long{501, "method too long"};
constexpr Refusal target_too_long{414, "target too long"};

Refusal read_method(std::string_view text, RequestHead& head) {
  if (text.size() > method_bytes_max) return method_too_long;
  head.method_text = text;
  head.method = parse_method(text);
  if (head.method != Method::other) return {};
  if (!is_token(text)) return {400, "malformed method"};
  std::array<char, method_bytes_max> upper;
  std::transform(text.begin(), text.end(), upper.begin(),
                 [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 0x20) : c; });
  if (parse_method({upper.data(), text.size()}) != Method::other) return {501, "method in the wrong case"};
  return {};
}

Refusal read_version(std::string_view text, uint8_t& minor) {
  if (text == "HTTP/1.1") {
    minor = 1;
    return {};
  }
  if (text == "HTTP/1.0") {
    minor = 0;
    return {};
  }
  if (text.size() == 8 && text.starts_with("HTTP/") && is_digit(text[5]) && text[6] == '.' &&
      is_digit(text[7])) {
    return {505, "HTTP version other than 1.0 and 1.1"};
  }
  return {400, "malformed HTTP version"};
}

// Visible ASCII but for '#': a fragment is never sent (RFC 9112 3.2).
bool has_target_chars(std::string_view target) {
  bool good = true;
  for (char c : target) {
    const auto byte = static_cast<unsigned char>(c);
    good = good & (byte - 0x21u < 0x7fu - 0x21u) & (byte != '#');
  }
  return good;
}

bool is_scheme(std::string_view text) {
  if (text.empty() || to_lower(text.front()) < 'a' || to_lower(text.front()) > 'z') return false;
  return std::all_of(text.begin(), text.end(), [](char c) {
    return (to_lower(c) >= 'a' && to_lower(c) <= 'z') || is_digit(c) || c == '+' || c == '-' || c == '.';
  });
}

// RFC 9112 3.2.2. A query without a path would have to be repaired to be forwarded, so it is refused.
Refusal read_absolute_form(std::string_view target, RequestHead& head) {
  const size_t colon = target.find("://");
  if (colon == std::string_view::npos || !is_scheme(target.substr(0, colon)))
    return {400, "malformed target"};
  head.form = TargetForm::absolute;
  head.scheme = target.substr(0, colon);
  if (!equal_ignoring_case(head.scheme, "http") && !equal_ignoring_case(head.scheme, "https")) {
    return {421, "target of a foreign scheme"};
  }
  target.remove_prefix(colon + 3);
  const size_t authority_end = std::min(target.find_first_of("/?"), target.size());
  head.authority = target.substr(0, authority_end);
  if (!parse_authority(head.authority)) return {400, "malformed authority in the target"};
  if (authority_end == target.size()) {
    // RFC 9112 3.2.4: this is how "OPTIONS *" travels through a proxy.
    head.path = head.method == Method::options ? "*" : "/";
    return {};
  }
  if (target[authority_end] == '?') return {400, "query without a path in the target"};
  head.path = target.substr(authority_end);
  return {};
}

Refusal read_authority_form(std::string_view target, RequestHead& head) {
  const auto authority = parse_authority(target);
  if (!authority || authority->port.empty()) return {400, "CONNECT to something other than host:port"};
  head.form = TargetForm::authority;
  head.authority = target;
  return {};
}

Refusal read_target(std::string_view target, RequestHead& head) {
  if (!has_target_chars(target)) return {400, "forbidden character in the target"};
  if (head.method == Method::connect) return read_authority_form(target, head);
  if (target.front() == '/') {
    head.form = TargetForm::origin;
    head.path = target;
    return {};
  }
  if (target == "*") {
    if (head.method != Method::options) return {400, "asterisk-form without OPTIONS"};
    head.form = TargetForm::asterisk;
    head.path = target;
    return {};
  }
  return read_absolute_form(target, head);
}

}  // namespace

Refusal parse_request_line(std::string_view line, const HeadLimits& limits, RequestHead& head,
                           std::string_view& target) {
  const size_t method_end = line.find(' ');
  if (Refusal refusal = read_method(line.substr(0, method_end), head)) return refusal;
  if (method_end == std::string_view::npos) return {400, "malformed request line"};
  line.remove_prefix(method_end + 1);
  const size_t target_end = line.find(' ');
  target = line.substr(0, target_end);
  if (target.empty()) return {400, "malformed request line"};
  if (target.size() > limits.target_bytes_max) return target_too_long;
  if (target_end == std::string_view::npos) {
    if (target.front() == '/' && has_target_chars(target)) return {505, "no HTTP version, as in HTTP/0.9"};
    return {400, "malformed request line"};
  }
  if (Refusal refusal = read_version(line.substr(target_end + 1), head.version_minor)) return refusal;
  return read_target(target, head);
}

Refusal parse_method_and_target(std::string_view method, std::string_view target, const HeadLimits& limits,
                                RequestHead& head) {
  if (Refusal refusal = read_method(method, head)) return refusal;
  if (target.size() > limits.target_bytes_max) return target_too_long;
  head.version_minor = 1;
  return read_target(target, head);
}

Refusal check_unfinished_request_line(std::string_view line, size_t scanned, const HeadLimits& limits) {
  const size_t method_end = line.substr(0, method_bytes_max + 1).find(' ');
  if (method_end == std::string_view::npos)
    return line.size() > method_bytes_max ? method_too_long : Refusal{};
  const size_t target_limit = method_end + 1 + limits.target_bytes_max;
  // Only the call in which the line grows past the limit has to look for the end of the target.
  if (line.size() <= target_limit || scanned > target_limit) return {};
  const bool target_ends =
      line.substr(method_end + 1, limits.target_bytes_max + size_t{1}).find(' ') != std::string_view::npos;
  return target_ends ? Refusal{} : target_too_long;
}

}  // namespace perigee::http
