// Proof that a peer request was written by a node that knows a secret of the cluster: the field
// perigee-peer-auth,
//
//   id=2026a;t=1767225600;mac=<64 lower-case hexadecimal digits>
//
// The MAC is HMAC-SHA256 over: the text "perigee-peer-auth-1", key id, method, authority, target, the value
// of the perigee-peer field (empty if absent) and t in decimal, each preceded by its length as four bytes,
// most significant first, so that no two requests have the same message.
//
// What it does not do. It covers neither other fields nor request content, and hides nothing: mTLS does.
// Within the window of +-30 s an observer can send a recorded request again; therefore the peer listener
// accepts only GET and HEAD, and invalidations, for which a repetition changes nothing. A node's clock must
// be right to 30 s; verify() reports stale_time only for an authentic MAC, so that one code means "look at
// the clocks".
//
// Thread rule: a PeerKeyRing is immutable once built and may be shared; pure functions otherwise.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <vector>

#include "edge/base/result.h"

namespace perigee::cluster {

inline constexpr std::string_view peer_auth_field_name = "perigee-peer-auth";
inline constexpr int64_t peer_auth_window_s = 30;

struct PeerKey {
  std::string id;      // see is_name(), topology.h
  std::string secret;  // 32 bytes at least
};

// What is signed, as views that last for the call.
struct PeerAuthRequest {
  std::string_view method;
  std::string_view authority;
  std::string_view target;
  std::string_view peer_field;
};

enum class PeerAuthError : uint8_t {
  malformed,    // not in the form above
  unknown_key,  // no key of that id
  bad_mac,      // another secret, or another request
  stale_time,   // authentic, but t is more than 30 s from now
};
std::string_view to_string(PeerAuthError error);

class PeerKeyRing {
 public:
  // One key, or two while rotating; the first signs, all verify. To rotate: add the new key second
  // everywhere, then swap the two, then drop the old one. Error: internal, bad_peer_keys, naming the key but
  // never its secret.
  static Result<PeerKeyRing> build(std::vector<PeerKey> keys);

  // The field's value. Time: seconds since the Unix epoch, not negative.
  std::string sign(const PeerAuthRequest& request, int64_t now_s) const;

  // On success the position of the key that matched: 1 says that the sender signs with the second one.
  // The MAC is compared in constant time.
  tl::expected<size_t, PeerAuthError> verify(std::string_view field, const PeerAuthRequest& request,
                                             int64_t now_s) const;

 private:
  explicit PeerKeyRing(std::vector<PeerKey> keys) : keys_(std::move(keys)) {}

  std::vector<PeerKey> keys_;
};

}  // namespace perigee::cluster
