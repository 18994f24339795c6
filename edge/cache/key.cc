#include "edge/cache/key.h"

#include <array>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

#include "edge/base/bytes.h"
#include "edge/base/hash.h"

namespace perigee::cache {

namespace {

enum CharClass : uint8_t {
  plain = 1 << 0,        // copied as it is in path and query
  host_normal = 1 << 1,  // copied as it is in a host name
  host_legal = 1 << 2,
  unreserved = 1 << 3,
  hex = 1 << 4,
};

constexpr std::array<uint8_t, 256> make_classes() {
  std::array<uint8_t, 256> table{};
  for (unsigned c = 0x21; c < 0x7f; ++c) {
    const char ch = static_cast<char>(c);
    const bool lower = ch >= 'a' && ch <= 'z';
    const bool upper = ch >= 'A' && ch <= 'Z';
    uint8_t bits = 0;
    if (ch != '#' && ch != '%' && ch != '/' && ch != '?') bits |= plain;
    if (lower || upper || is_digit(ch) || ch == '-' || ch == '.' || ch == '_' || ch == '~')
      bits |= unreserved;
    if ((bits & unreserved) != 0 || std::string_view("!$&'()*+,;=").find(ch) != std::string_view::npos) {
      bits |= host_legal;
      if (!upper) bits |= host_normal;
    }
    if (is_digit(ch) || (ch >= 'a' && ch <= 'f') || (ch >= 'A' && ch <= 'F')) bits |= hex;
    table[c] = bits;
  }
  return table;
}
constexpr std::array<uint8_t, 256> classes = make_classes();

bool is(char c, CharClass what) { return (classes[static_cast<uint8_t>(c)] & what) != 0; }

bool all_are(std::string_view text, CharClass what) {
  for (char c : text) {
    if (!is(c, what)) return false;
  }
  return true;
}

char upper_hex(char c) { return c >= 'a' && c <= 'f' ? static_cast<char>(c - 0x20) : c; }
int hex_value(char c) { return is_digit(c) ? c - '0' : upper_hex(c) - 'A' + 10; }

void append_lower(std::string_view text, std::string& out) {
  for (char c : text) out.push_back(to_lower(c));
}

bool append_host(std::string_view host, std::string& out) {
  if (host.empty()) return false;
  if (host.front() == '[') {
    if (host.size() < 4 || host.back() != ']') return false;
    for (char c : host.substr(1, host.size() - 2)) {
      if (!is(c, hex) && c != ':' && c != '.') return false;
    }
    append_lower(host, out);
    return true;
  }
  if (all_are(host, host_normal)) {
    out.append(host);
    return true;
  }
  if (!all_are(host, host_legal)) return false;
  append_lower(host, out);
  return true;
}

// RFC 3986 6.2.3: an empty port and the scheme's own port are no port.
bool append_port(std::string_view port, bool tls, std::string& out) {
  while (port.size() > 1 && port.front() == '0') port.remove_prefix(1);
  if (port.empty()) return true;
  const auto number = parse_decimal(port);
  if (!number || *number > 65535 || port.size() > 5) return false;
  if (*number == (tls ? 443u : 80u)) return true;
  out.push_back(':');
  out.append(port);
  return true;
}

// Whether the authority is already what normalisation would make of it: its bytes, and no port or one that
// has to be said.
bool is_normal_authority(std::string_view authority, bool tls) {
  size_t at = 0;
  while (at < authority.size() && is(authority[at], host_normal)) ++at;
  if (at == 0 || at == authority.size()) return at != 0;
  const std::string_view port = authority.substr(at + 1);
  if (authority[at] != ':' || port.empty() || port.size() > 5 || port.front() == '0') return false;
  uint32_t number = 0;
  for (char c : port) {
    if (!is_digit(c)) return false;
    number = number * 10 + static_cast<uint32_t>(c - '0');
  }
  return number <= 65535 && number != (tls ? 443u : 80u);
}

bool append_authority(std::string_view authority, bool tls, std::string& out) {
  if (is_normal_authority(authority, tls)) {
    out.append(authority);
    return true;
  }
  const size_t colon = authority.rfind(':');
  const bool has_port =
      colon != std::string_view::npos && authority.find(']', colon) == std::string_view::npos;
  if (!append_host(has_port ? authority.substr(0, colon) : authority, out)) return false;
  return !has_port || append_port(authority.substr(colon + 1), tls, out);
}

// Is the path, query included, already what normalisation would make of it? Sets legal to false for a byte
// that no request target has.
bool is_normal(std::string_view path, bool& legal) {
  bool in_query = false;
  for (size_t i = 0; i < path.size(); ++i) {
    const char c = path[i];
    if (is(c, plain)) continue;
    if (c == '?') {
      in_query = true;
    } else if (c == '/') {
      if (in_query || i + 1 == path.size() || path[i + 1] != '.') continue;
      const size_t next = i + 2;
      if (next == path.size() || path[next] == '.' || path[next] == '/' || path[next] == '?') return false;
    } else if (c == '%') {
      return false;
    } else {
      legal = false;
      return false;
    }
  }
  return true;
}

#if defined(__SSE2__)
// Most paths show at one glance that they are normal: visible ASCII without "%", "#" and "/.". False says
// nothing.
bool is_normal_at_a_glance(std::string_view path) {
  constexpr size_t block_bytes = sizeof(__m128i);
  if (path.size() < block_bytes) return false;
  const auto is_foreign = [&path](size_t at, unsigned& slash_before) {
    const __m128i block = _mm_loadu_si128(reinterpret_cast<const __m128i*>(path.data() + at));
    const auto where = [&block](char c) {
      return static_cast<unsigned>(_mm_movemask_epi8(_mm_cmpeq_epi8(block, _mm_set1_epi8(c))));
    };
    // A byte above ASCII is negative.
    const __m128i not_above_space = _mm_cmpgt_epi8(_mm_set1_epi8(0x21), block);
    const unsigned odd =
        static_cast<unsigned>(_mm_movemask_epi8(not_above_space)) | where(0x7f) | where('%') | where('#');
    const unsigned slashes = where('/') << 1 | slash_before;
    slash_before = slashes >> block_bytes;
    return (odd | (slashes & where('.'))) != 0;
  };
  unsigned slash_before = 0;
  size_t at = 0;
  for (; at + block_bytes <= path.size(); at += block_bytes) {
    if (is_foreign(at, slash_before)) return false;
  }
  slash_before = 0;
  return at == path.size() || !is_foreign(path.size() - block_bytes, slash_before);
}
#else
bool is_normal_at_a_glance(std::string_view) { return false; }
#endif

// Appends one escape in normal form (RFC 3986 6.2.2.1 and 6.2.2.2); text starts with "%". False: it is none.
bool append_escape(std::string_view text, std::string& out) {
  if (text.size() < 3 || !is(text[1], hex) || !is(text[2], hex)) return false;
  const char decoded = static_cast<char>(hex_value(text[1]) * 16 + hex_value(text[2]));
  if (is(decoded, unreserved)) {
    out.push_back(decoded);
  } else {
    out.push_back('%');
    out.push_back(upper_hex(text[1]));
    out.push_back(upper_hex(text[2]));
  }
  return true;
}

bool append_segment(std::string_view segment, std::string& out) {
  for (size_t i = 0; i < segment.size(); ++i) {
    if (is(segment[i], plain)) {
      out.push_back(segment[i]);
    } else if (segment[i] == '%' && append_escape(segment.substr(i), out)) {
      i += 2;
    } else {
      return false;
    }
  }
  return true;
}

// RFC 3986 5.2.4, after decoding, so that "%2e%2e" climbs like "..".
bool append_path(std::string_view path, std::string& out) {
  const size_t begin = out.size();
  bool open = false;  // a dot segment was dropped last: what is left ends in "/"
  while (!path.empty()) {
    path.remove_prefix(1);  // the "/"
    const std::string_view segment = path.substr(0, path.find('/'));
    const size_t at = out.size();
    out.push_back('/');
    if (!append_segment(segment, out)) return false;
    const std::string_view written = std::string_view(out).substr(at + 1);
    const bool up = written == "..";
    open = up || written == ".";
    if (open) out.resize(at);
    if (up && out.size() > begin) out.resize(out.rfind('/'));
    path.remove_prefix(segment.size());
  }
  if (open || out.size() == begin) out.push_back('/');
  return true;
}

bool append_query(std::string_view query, std::string& out) {
  for (size_t i = 0; i < query.size(); ++i) {
    const char c = query[i];
    if (is(c, plain) || c == '/' || c == '?') {
      out.push_back(c);
    } else if (c != '%') {
      return false;
    } else if (append_escape(query.substr(i), out)) {
      i += 2;
    } else {
      out.append("%25");
    }
  }
  return true;
}

bool append_target(std::string_view target, std::string& out) {
  if (target.empty() || target.front() == '?') out.push_back('/');
  if (!target.empty() && target.front() != '/' && target.front() != '?') return false;
  bool legal = true;
  if (is_normal_at_a_glance(target) || is_normal(target, legal)) {
    out.append(target);
    return true;
  }
  if (!legal) return false;
  const size_t question = target.find('?');
  const std::string_view path = target.substr(0, question);
  if (!path.empty() && !append_path(path, out)) return false;
  return question == std::string_view::npos || append_query(target.substr(question), out);
}

}  // namespace

bool build_key(std::string_view scheme, std::string_view authority, std::string_view path, std::string& out) {
  const bool plain = scheme == "http";
  const bool tls = !plain && equal_ignoring_case(scheme, "https");
  if (!plain && !tls && !equal_ignoring_case(scheme, "http")) {
    out.clear();
    return false;
  }
  out.assign(tls ? "https://" : "http://");
  return append_authority(authority, tls, out) && append_target(path, out);
}

KeyParts key_parts(std::string_view key) {
  const size_t colon = key.find("://");
  if (colon == std::string_view::npos) return {};
  const size_t slash = key.find('/', colon + 3);
  if (slash == std::string_view::npos) return {};
  return {key.substr(0, colon), key.substr(colon + 3, slash - colon - 3), key.substr(slash)};
}

uint64_t key_hash(std::string_view key) { return hash64(key); }

}  // namespace perigee::cache
