#include "edge/proxy/site.h"

#include <algorithm>
#include <cstring>

#include "edge/base/bytes.h"

namespace perigee::proxy {
namespace {

constexpr size_t host_bytes_max = 255;

std::string lower_case(std::string_view text) {
  std::string copy(text);
  std::transform(copy.begin(), copy.end(), copy.begin(), to_lower);
  return copy;
}

// Eight letters at a time: every request passes here. What is not ASCII stays as it is.
void write_lower_case(std::string_view text, char* out) {
  constexpr uint64_t ones = 0x0101010101010101;
  size_t at = 0;
  for (; at + sizeof(uint64_t) <= text.size(); at += sizeof(uint64_t)) {
    uint64_t word;
    std::memcpy(&word, text.data() + at, sizeof word);
    const uint64_t low = word & (ones * 0x7f);
    const uint64_t from_a = low + ones * (0x80 - 'A');
    const uint64_t beyond_z = low + ones * (0x7f - 'Z');
    word |= ((from_a & ~beyond_z & ~word) & (ones * 0x80)) >> 2;
    std::memcpy(out + at, &word, sizeof word);
  }
  for (; at < text.size(); ++at) out[at] = to_lower(text[at]);
}

tl::unexpected<Error> duplicate(const std::string& host, const Site& first, const Site& second) {
  return fail(
      Side::internal, "duplicate_host",
      "host \"" + host + "\" is claimed by site \"" + first.name + "\" and by site \"" + second.name + "\"");
}

}  // namespace

std::string_view host_of(std::string_view authority) {
  if (authority.find(':') == std::string_view::npos) return authority;
  // The last colon, looked for from behind: a port is short.
  size_t at = authority.size();
  while (at > 0 && authority[at - 1] != ':' && authority[at - 1] != ']') --at;
  // None at all, or none behind the bracket of an IPv6 address.
  if (at == 0 || authority[at - 1] == ']') return authority;
  return authority.substr(0, at - 1);
}

Result<std::shared_ptr<const SiteTable>> SiteTable::build(std::vector<std::shared_ptr<const Site>> sites) {
  auto table = std::make_shared<SiteTable>();
  for (const auto& site : sites) {
    for (const std::string& pattern : site->hosts) {
      const std::string host = lower_case(pattern);
      const Site** place = nullptr;
      if (host == "*") {
        place = &table->any_;
      } else if (host.starts_with("*.")) {
        place = &table->wildcard_[host.substr(2)];
      } else {
        place = &table->exact_[host];
      }
      if (*place != nullptr) return duplicate(host, **place, *site);
      *place = site.get();
    }
  }
  table->sites_ = std::move(sites);
  return std::shared_ptr<const SiteTable>(std::move(table));
}

const Site* SiteTable::in(const HostMap& map, std::string_view host) {
  if (map.empty()) return nullptr;
  const auto found = map.find(host);
  return found == map.end() ? nullptr : found->second;
}

const Site* SiteTable::find(std::string_view host) const {
  if (exact_.empty() && wildcard_.empty()) return any_;
  if (host.ends_with('.')) host.remove_suffix(1);
  if (host.size() > host_bytes_max) return any_;
  char buffer[host_bytes_max];
  write_lower_case(host, buffer);
  std::string_view rest(buffer, host.size());
  if (const Site* site = in(exact_, rest)) return site;
  // Each step drops one label, so the first match is the longest.
  for (size_t dot = rest.find('.'); dot != std::string_view::npos && !wildcard_.empty();
       dot = rest.find('.')) {
    rest.remove_prefix(dot + 1);
    if (const Site* site = in(wildcard_, rest)) return site;
  }
  return any_;
}

}  // namespace perigee::proxy
