// What one node tells another beside the HTTP message: the value of the field perigee-peer, in requests and
// in answers.
//
// A peer request carries a PeerRequestEnvelope, a peer answer a PeerAnswerEnvelope. Both are one line of
// members separated by ';', without spaces, the version first and the rest in any order:
//
//   v=1;tier=region;hop=1;digest=0123456789abcdef;deadline_ms=9500;pos=3.1207;from=eu-1;inv=89abcdef01234567;only_if_cached
//   v=1;digest=0123456789abcdef;pos=3.1207;stamp=3.1190;in_flight=17;draining
//
// Requests need tier, hop, digest, deadline_ms and from; answers need digest. Numbers are decimal without
// sign or leading zero, a digest and inv are 16 lower-case hexadecimal digits, a position is
// "epoch.sequence". An unknown version or member, a repeated, malformed, missing or out-of-range one, or a
// line over 512 bytes refuses the whole; nothing is repaired.
//
// Plain values that own their strings. Thread rule: pure functions. Accepted only on the authenticated peer
// listener and stripped everywhere else, which is the caller's duty: this file neither authenticates
// (peer_auth.h) nor believes.
#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "edge/base/clock.h"
#include "edge/base/result.h"

namespace perigee::cluster {

inline constexpr std::string_view peer_field_name = "perigee-peer";
inline constexpr size_t peer_envelope_bytes_max = 512;

// A peer request has crossed at most that many arrows between nodes: receiver -> owner -> owner in the shield
// region.
inline constexpr unsigned hops_max = 2;
inline constexpr std::chrono::milliseconds deadline_max = std::chrono::minutes(10);

// A place in the cluster's log of purges. A higher epoch is a new log, not a later place in the same one.
struct LogPosition {
  uint64_t epoch = 0;
  uint64_t sequence = 0;

  auto operator<=>(const LogPosition&) const = default;
};

// As what a node is asked. It decides what the node may do next, and each tier only leads to the next one:
// region -> shield -> origin.
enum class Tier : uint8_t {
  region,  // as an owner in the asker's region: may ask the shield region or the origin
  shield,  // as an owner in the site's shield region: may ask the origin only
  origin,  // not a peer at all; never in an envelope
};
std::string_view to_string(Tier tier);

struct PeerRequestEnvelope {
  Tier tier = Tier::region;
  // Arrows between nodes so far, this one included: 1..hops_max, and 1 for tier region unless nothing can
  // follow from it (only_if_cached).
  unsigned hop = 1;
  std::string digest;                     // membership_digest() of the asker
  std::chrono::milliseconds deadline{0};  // what is left of it when this was sent: 1 ms..deadline_max
  std::optional<LogPosition> position;    // purges applied by the asker
  std::string from;                       // name of the asker
  // Of the last invalidation of this URL that the asker knows of (RFC 9111 4.4). With POST it is what the
  // request is about.
  std::optional<uint64_t> invalidation;
  bool only_if_cached = false;

  bool operator==(const PeerRequestEnvelope&) const = default;
};

struct PeerAnswerEnvelope {
  std::string digest;                   // membership_digest() of who answers
  std::optional<LogPosition> position;  // purges applied when answering
  std::optional<LogPosition> stamp;     // purges applied when what is answered was fetched
  std::optional<uint32_t> in_flight;    // requests being worked on, for load bounds
  bool draining = false;

  bool operator==(const PeerAnswerEnvelope&) const = default;
};

// The field's value. A deadline outside its range is sent as the nearest one inside; any other member that
// parsing would refuse is our own bug.
std::string format(const PeerRequestEnvelope& envelope);
std::string format(const PeerAnswerEnvelope& envelope);

// Errors: unknown_version, or malformed_envelope with the member in the context. Side client for a request,
// upstream for an answer.
Result<PeerRequestEnvelope> parse_peer_request(std::string_view value);
Result<PeerAnswerEnvelope> parse_peer_answer(std::string_view value);

}  // namespace perigee::cluster
