#include "edge/proxy/invalidation.h"

#include <algorithm>

#include "edge/base/bytes.h"
#include "edge/cache/key.h"

namespace perigee::proxy {

namespace {

// "HTTP://a/b" -> "HTTP"; empty for a reference without scheme (RFC 3986 4.2: a colon before any slash).
std::string_view scheme_of(std::string_view reference) {
  const size_t end = reference.find_first_of(":/?");
  if (end == std::string_view::npos || reference[end] != ':') return {};
  return reference.substr(0, end);
}

// RFC 3986 5.2.3: the reference in place of what follows the base's last slash. A reference that begins with
// "?" keeps it.
std::string merge(std::string_view base, std::string_view reference) {
  base = base.substr(0, base.find('?'));
  if (reference.starts_with('/')) return std::string(reference);
  if (!reference.starts_with('?') && !reference.empty()) base = base.substr(0, base.rfind('/') + 1);
  return std::string(base) + std::string(reference);
}

}  // namespace

bool resolve_same_origin(std::string_view key, std::string_view reference, std::string& out) {
  const cache::KeyParts base = cache::key_parts(key);
  reference = reference.substr(0, reference.find('#'));
  const std::string_view scheme = scheme_of(reference);
  if (!scheme.empty()) {
    if (!equal_ignoring_case(scheme, base.scheme)) return false;
    reference.remove_prefix(scheme.size() + 1);
    if (!reference.starts_with("//")) return false;
  }
  if (!reference.starts_with("//")) {
    return cache::build_key(base.scheme, base.authority, merge(base.path, reference), out);
  }
  reference.remove_prefix(2);
  const std::string_view authority = reference.substr(0, reference.find_first_of("/?"));
  std::string path(reference.substr(authority.size()));
  if (!path.starts_with('/')) path.insert(0, "/");
  return cache::build_key(base.scheme, authority, path, out) &&
         cache::key_parts(out).authority == base.authority;
}

std::vector<std::string> invalidated_keys(std::string_view key, http::Method method,
                                          const http::ResponseHead& response) {
  std::vector<std::string> keys;
  if (http::is_safe(method) || response.status < 200 || response.status >= 400) return keys;
  keys.emplace_back(key);
  std::string other;
  for (const http::Field& field : response.fields) {
    if (field.id != http::FieldId::location && field.id != http::FieldId::content_location) continue;
    if (!resolve_same_origin(key, field.value, other)) continue;
    if (std::find(keys.begin(), keys.end(), other) == keys.end()) keys.push_back(other);
  }
  return keys;
}

}  // namespace perigee::proxy
