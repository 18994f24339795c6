#include "edge/cluster/peer_envelope.h"

#include <algorithm>
#include <cassert>
#include <charconv>
#include <cinttypes>
#include <cstdio>
#include <utility>

#include "edge/base/bytes.h"
#include "edge/cluster/topology.h"

namespace perigee::cluster {
namespace {

std::optional<uint64_t> parse_number(std::string_view text) {
  if (text.size() > 1 && text.front() == '0') return std::nullopt;
  return parse_decimal(text);
}

std::optional<LogPosition> parse_position(std::string_view text) {
  const size_t dot = text.find('.');
  if (dot == std::string_view::npos) return std::nullopt;
  const auto epoch = parse_number(text.substr(0, dot));
  const auto sequence = parse_number(text.substr(dot + 1));
  if (!epoch || !sequence) return std::nullopt;
  return LogPosition{*epoch, *sequence};
}

std::string text_of(LogPosition position) {
  return std::to_string(position.epoch) + '.' + std::to_string(position.sequence);
}

// The setters answer whether the text is good.
bool set_digest(std::string_view text, std::string& digest) {
  digest = text;
  return text.size() == 16 &&
         std::all_of(text.begin(), text.end(), [](char c) { return is_digit(c) || (c >= 'a' && c <= 'f'); });
}

bool set_position(std::string_view text, std::optional<LogPosition>& position) {
  position = parse_position(text);
  return position.has_value();
}

bool set_flag(std::string_view text, bool& flag) {
  flag = true;
  return text.empty();
}

bool set_tier(std::string_view text, PeerRequestEnvelope& envelope) {
  envelope.tier = text == "shield" ? Tier::shield : Tier::region;
  return text == to_string(envelope.tier);
}

bool set_hop(std::string_view text, PeerRequestEnvelope& envelope) {
  const auto number = parse_number(text);
  envelope.hop = static_cast<unsigned>(number.value_or(0));
  return number && *number >= 1 && *number <= hops_max;
}

bool set_deadline(std::string_view text, PeerRequestEnvelope& envelope) {
  const auto number = parse_number(text);
  if (!number || *number == 0 || *number > static_cast<uint64_t>(deadline_max.count())) return false;
  envelope.deadline = std::chrono::milliseconds(*number);
  return true;
}

bool set_from(std::string_view text, PeerRequestEnvelope& envelope) {
  envelope.from = text;
  return is_name(text);
}

bool set_invalidation(std::string_view text, PeerRequestEnvelope& envelope) {
  std::string digits;
  if (!set_digest(text, digits)) return false;
  uint64_t id = 0;
  std::from_chars(digits.data(), digits.data() + digits.size(), id, 16);
  envelope.invalidation = id;
  return true;
}

bool set_in_flight(std::string_view text, PeerAnswerEnvelope& envelope) {
  const auto number = parse_number(text);
  if (!number || *number > UINT32_MAX) return false;
  envelope.in_flight = static_cast<uint32_t>(*number);
  return true;
}

// A flag has an empty value and no '=' in the text.
struct Member {
  std::string_view name;
  std::string_view value;
  bool is_flag = false;
};

Member split_member(std::string_view text) {
  const size_t equals = text.find('=');
  if (equals == std::string_view::npos) return {text, {}, true};
  return {text.substr(0, equals), text.substr(equals + 1), false};
}

template <typename Envelope>
struct MemberRule {
  std::string_view name;
  bool flag;
  bool required;
  bool (*set)(std::string_view, Envelope&);
};

using Request = PeerRequestEnvelope;
using Answer = PeerAnswerEnvelope;

constexpr MemberRule<Request> request_rules[] = {
    {"tier", false, true, set_tier},
    {"hop", false, true, set_hop},
    {"digest", false, true, [](std::string_view text, Request& to) { return set_digest(text, to.digest); }},
    {"deadline_ms", false, true, set_deadline},
    {"pos", false, false, [](std::string_view text, Request& to) { return set_position(text, to.position); }},
    {"from", false, true, set_from},
    {"inv", false, false, set_invalidation},
    {"only_if_cached", true, false,
     [](std::string_view text, Request& to) { return set_flag(text, to.only_if_cached); }},
};

constexpr MemberRule<Answer> answer_rules[] = {
    {"digest", false, true, [](std::string_view text, Answer& to) { return set_digest(text, to.digest); }},
    {"pos", false, false, [](std::string_view text, Answer& to) { return set_position(text, to.position); }},
    {"stamp", false, false, [](std::string_view text, Answer& to) { return set_position(text, to.stamp); }},
    {"in_flight", false, false, set_in_flight},
    {"draining", true, false, [](std::string_view text, Answer& to) { return set_flag(text, to.draining); }},
};

tl::unexpected<Error> malformed(Side side, std::string_view what, std::string_view found) {
  return fail(side, "malformed_envelope", std::string(what) + ": found \"" + std::string(found) + '"');
}

template <typename Envelope, size_t count>
Result<Envelope> parse(std::string_view text, const MemberRule<Envelope> (&rules)[count], Side side) {
  if (text.size() > peer_envelope_bytes_max) return malformed(side, "over 512 bytes", text.substr(0, 64));
  const std::string_view version = text.substr(0, text.find(';'));
  if (!version.starts_with("v=")) return malformed(side, "expected v=1 first", version);
  if (version != "v=1") return fail(side, "unknown_version", "expected v=1, found " + std::string(version));

  Envelope envelope;
  bool seen[count] = {};
  text.remove_prefix(version.size());
  while (!text.empty()) {
    text.remove_prefix(1);
    const std::string_view part = text.substr(0, text.find(';'));
    text.remove_prefix(part.size());
    const Member member = split_member(part);
    const auto* rule = std::find_if(std::begin(rules), std::end(rules),
                                    [&](const auto& candidate) { return candidate.name == member.name; });
    if (rule == std::end(rules)) return malformed(side, "unknown member", part);
    bool& already = seen[rule - std::begin(rules)];
    if (std::exchange(already, true)) return malformed(side, "repeated member", part);
    if (rule->flag != member.is_flag || !rule->set(member.value, envelope))
      return malformed(side, "bad value", part);
  }
  for (size_t i = 0; i < count; ++i) {
    if (rules[i].required && !seen[i]) return malformed(side, "missing member", rules[i].name);
  }
  return envelope;
}

}  // namespace

std::string_view to_string(Tier tier) {
  switch (tier) {
    case Tier::region:
      return "region";
    case Tier::shield:
      return "shield";
    case Tier::origin:
      return "origin";
  }
  return "origin";
}

std::string format(const PeerRequestEnvelope& envelope) {
  assert(envelope.tier != Tier::origin && envelope.hop >= 1 && envelope.hop <= hops_max);
  const auto deadline = std::clamp(envelope.deadline, std::chrono::milliseconds(1), deadline_max);
  std::string text = "v=1;tier=";
  text += to_string(envelope.tier);
  text += ";hop=" + std::to_string(envelope.hop);
  text += ";digest=" + envelope.digest;
  text += ";deadline_ms=" + std::to_string(deadline.count());
  if (envelope.position) text += ";pos=" + text_of(*envelope.position);
  text += ";from=" + envelope.from;
  if (envelope.invalidation) {
    char digits[17];
    std::snprintf(digits, sizeof digits, "%016" PRIx64, *envelope.invalidation);
    text += ";inv=";
    text += digits;
  }
  if (envelope.only_if_cached) text += ";only_if_cached";
  return text;
}

std::string format(const PeerAnswerEnvelope& envelope) {
  std::string text = "v=1;digest=" + envelope.digest;
  if (envelope.position) text += ";pos=" + text_of(*envelope.position);
  if (envelope.stamp) text += ";stamp=" + text_of(*envelope.stamp);
  if (envelope.in_flight) text += ";in_flight=" + std::to_string(*envelope.in_flight);
  if (envelope.draining) text += ";draining";
  return text;
}

Result<PeerRequestEnvelope> parse_peer_request(std::string_view value) {
  auto envelope = parse(value, request_rules, Side::client);
  if (envelope && envelope->tier == Tier::region && envelope->hop != 1 && !envelope->only_if_cached) {
    return malformed(Side::client, "tier region is always the first hop", value);
  }
  return envelope;
}

Result<PeerAnswerEnvelope> parse_peer_answer(std::string_view value) {
  return parse(value, answer_rules, Side::upstream);
}

}  // namespace perigee::cluster
