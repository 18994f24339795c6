#include "edge/cluster/peer_auth.h"

#include <algorithm>
#include <optional>

#include "edge/base/bytes.h"
#include "edge/base/mac.h"
#include "edge/cluster/topology.h"

namespace perigee::cluster {
namespace {

constexpr size_t secret_bytes_min = 32;

struct AuthField {
  std::string_view id;
  std::string_view time;
  int64_t time_s = 0;
  std::string_view mac;
};

// Cuts "name=value" off the front, up to and with the next ';'.
std::optional<std::string_view> take(std::string_view& rest, std::string_view name) {
  if (!rest.starts_with(name)) return std::nullopt;
  rest.remove_prefix(name.size());
  const std::string_view value = rest.substr(0, rest.find(';'));
  rest.remove_prefix(std::min(rest.size(), value.size() + 1));
  return value;
}

std::optional<AuthField> parse(std::string_view text) {
  const bool ends_open = text.ends_with(';');
  const auto id = take(text, "id=");
  const auto time = id ? take(text, "t=") : std::nullopt;
  const auto mac = time ? take(text, "mac=") : std::nullopt;
  if (!mac || !text.empty() || ends_open || !is_name(*id) || mac->size() != 2 * sizeof(Mac))
    return std::nullopt;
  const auto seconds = parse_decimal(*time);
  const bool padded = time->size() > 1 && time->front() == '0';
  if (!seconds || padded || *seconds > (uint64_t{1} << 40)) return std::nullopt;
  const bool hex =
      std::all_of(mac->begin(), mac->end(), [](char c) { return is_digit(c) || (c >= 'a' && c <= 'f'); });
  if (!hex) return std::nullopt;
  return AuthField{*id, *time, static_cast<int64_t>(*seconds), *mac};
}

void append(std::string& message, std::string_view part) {
  for (int shift = 24; shift >= 0; shift -= 8)
    message.push_back(static_cast<char>((part.size() >> shift) & 0xff));
  message += part;
}

std::string mac_of(const PeerKey& key, const PeerAuthRequest& request, std::string_view time) {
  std::string message;
  message.reserve(128 + request.authority.size() + request.target.size() + request.peer_field.size());
  for (const std::string_view part :
       {std::string_view("perigee-peer-auth-1"), std::string_view(key.id), request.method, request.authority,
        request.target, request.peer_field, time}) {
    append(message, part);
  }
  return to_hex(hmac_sha256(key.secret, message));
}

}  // namespace

std::string_view to_string(PeerAuthError error) {
  switch (error) {
    case PeerAuthError::malformed:
      return "malformed";
    case PeerAuthError::unknown_key:
      return "unknown_key";
    case PeerAuthError::bad_mac:
      return "bad_mac";
    case PeerAuthError::stale_time:
      return "stale_time";
  }
  return "malformed";
}

Result<PeerKeyRing> PeerKeyRing::build(std::vector<PeerKey> keys) {
  if (keys.empty() || keys.size() > 2) {
    return fail(Side::internal, "bad_peer_keys",
                "found " + std::to_string(keys.size()) + " peer keys, expected one, or two while rotating");
  }
  for (const PeerKey& key : keys) {
    if (!is_name(key.id)) {
      return fail(
          Side::internal, "bad_peer_keys",
          "peer key id \"" + key.id + "\": expected 1 to 63 lower-case letters, digits, '.', '_' or '-'");
    }
    if (key.secret.size() < secret_bytes_min) {
      return fail(Side::internal, "bad_peer_keys",
                  "peer key \"" + key.id + "\": its secret has " + std::to_string(key.secret.size()) +
                      " bytes, expected at least 32");
    }
  }
  if (keys.size() == 2 && keys[0].id == keys[1].id) {
    return fail(Side::internal, "bad_peer_keys", "peer key id \"" + keys[0].id + "\" is given to both keys");
  }
  return PeerKeyRing(std::move(keys));
}

std::string PeerKeyRing::sign(const PeerAuthRequest& request, int64_t now_s) const {
  const std::string time = std::to_string(now_s);
  return "id=" + keys_[0].id + ";t=" + time + ";mac=" + mac_of(keys_[0], request, time);
}

tl::expected<size_t, PeerAuthError> PeerKeyRing::verify(std::string_view field,
                                                        const PeerAuthRequest& request, int64_t now_s) const {
  const auto parsed = parse(field);
  if (!parsed) return tl::unexpected(PeerAuthError::malformed);
  const auto key =
      std::find_if(keys_.begin(), keys_.end(), [&](const PeerKey& k) { return k.id == parsed->id; });
  if (key == keys_.end()) return tl::unexpected(PeerAuthError::unknown_key);
  if (!equal_constant_time(parsed->mac, mac_of(*key, request, parsed->time))) {
    return tl::unexpected(PeerAuthError::bad_mac);
  }
  if (now_s - parsed->time_s > peer_auth_window_s || parsed->time_s - now_s > peer_auth_window_s) {
    return tl::unexpected(PeerAuthError::stale_time);
  }
  return static_cast<size_t>(key - keys_.begin());
}

}  // namespace perigee::cluster
