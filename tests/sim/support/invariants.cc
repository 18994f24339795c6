#include "tests/sim/support/invariants.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "edge/base/bytes.h"

namespace perigee::sim {

namespace {

using namespace std::chrono_literals;
using std::chrono::seconds;

// What a request may take until its head is there, and what the way to the client may add.
constexpr Duration head_deadline = 30s;
constexpr Duration way_to_client = 1s;
// Ages are told in whole seconds, rounded down once for every node on the way.
constexpr Duration age_rounding = 3'200ms;
// From a node's start to its first word of the purge log: a connection and a question, between regions.
constexpr Duration first_word_max = 1s;
// From the origin through every node into a store, with nothing broken.
constexpr Duration on_its_way = 2s;
// What was broken so long ago may still show: connections that hang, peers that are left alone.
constexpr Duration aftermath = 12s;
// How long a node believes its store without word from the purge_log, and what a request may add.
constexpr Duration belief = 11s;

std::string region_of(const std::string& node) { return node.substr(0, node.find('-')); }

}  // namespace

Invariants::Invariants(const Scenario& scenario, const Truth& truth, const Trouble& trouble,
                       const Purges& purges, const SimCluster& cluster)
    : scenario_(scenario), truth_(truth), trouble_(trouble), purges_(purges), cluster_(cluster) {}

void Invariants::violate(std::string_view invariant, uint64_t request, std::string text) {
  violations_.push_back({std::string(invariant), request, std::move(text)});
}

bool Invariants::broken(const Outcome& outcome) const {
  return trouble_.any(outcome.sent - aftermath, outcome.ended);
}

void Invariants::began(const Ask& ask, MonoTime now) {
  asks_.emplace(ask.number, ask);
  sent_.emplace(ask.number, now);
}

void Invariants::judge(const Outcome& outcome) {
  ended_.emplace(outcome.ask.number, outcome.ended);
  judge_end(outcome);
  if (!outcome.head_at) return;
  judge_deadline(outcome);
  judge_status(outcome);
  if (outcome.ask.is_unsafe()) return acknowledge(outcome);
  judge_content(outcome);
}

void Invariants::acknowledge(const Outcome& outcome) {
  const auto version = parse_decimal(outcome.field("x-version"));
  if (outcome.end != End::complete || outcome.status != 200 || !version || raced(outcome)) return;
  acknowledged_[{outcome.ask.node, outcome.ask.resource}].push_back({outcome.sent, outcome.ended, *version});
}

// Was something about the resource, made before, perhaps still on its way to a store?
bool Invariants::raced(const Outcome& outcome) const {
  if (broken(outcome)) return true;
  for (const auto& [number, ask] : asks_) {
    if (ask.resource != outcome.ask.resource || number == outcome.ask.number) continue;
    const auto ended = ended_.find(number);
    if (ended == ended_.end() || ended->second + on_its_way >= outcome.sent) return true;
  }
  const auto& about = truth_.about(outcome.ask.resource);
  return std::any_of(about.begin(), about.end(), [&](size_t index) {
    const OriginExchange& each = truth_.exchanges()[index];
    return each.request != outcome.ask.number && (!each.ended || *each.ended + on_its_way >= outcome.sent);
  });
}

void Invariants::judge_end(const Outcome& outcome) {
  const uint64_t number = outcome.ask.number;
  switch (outcome.end) {
    case End::complete:
    case End::left:
      break;
    case End::malformed:
      violate("bytes", number, "what came is no HTTP");
      break;
    case End::gave_up:
      // A client that is cut off from its node hears nothing; any other must have been told something.
      if (!trouble_.touching(outcome.ask.node, outcome.sent, outcome.ended))
        violate("deadline", number, "no byte for longer than any client waits");
      break;
    case End::cut:
      judge_cut(outcome);
      break;
    case End::no_connection:
      if (!broken(outcome)) violate("status", number, "no connection with nothing broken");
      break;
    case End::no_answer:
      // A kept connection may be closed by its node just when it is used again.
      if (!outcome.reused_connection && !broken(outcome))
        violate("status", number, "no answer with nothing broken");
      break;
    case End::running:
      violate("rest", number, "still running");
      break;
  }
}

// What comes from stores in part, and from the origin for the rest, ends where the origin has something new.
// A client that has had nothing of it yet is given that instead.
void Invariants::judge_cut(const Outcome& outcome) {
  if (broken(outcome)) return;
  const auto version = parse_decimal(outcome.field("x-version"));
  const auto superseded = version ? truth_.superseded(outcome.ask.resource, *version) : std::nullopt;
  if (superseded && *superseded <= outcome.ended && outcome.body_bytes > 0) return;
  violate("status", outcome.ask.number,
          superseded ? "cut before its first byte with nothing broken"
                     : "cut with nothing broken and nothing changed");
}

void Invariants::judge_deadline(const Outcome& outcome) {
  const Duration took = *outcome.head_at - outcome.sent;
  if (took <= head_deadline + way_to_client) return;
  if (trouble_.touching(outcome.ask.node, outcome.sent, *outcome.head_at)) return;
  violate("deadline", outcome.ask.number, fmt::format("the head took {:.3f} s", in_seconds(took)));
}

void Invariants::judge_status(const Outcome& outcome) {
  const Ask& ask = outcome.ask;
  const uint64_t number = ask.number;
  switch (outcome.status) {
    case 200:
      return;
    case 206:
    case 416:
      if (ask.range.empty()) violate("status", number, fmt::format("{} without a Range", outcome.status));
      return;
    case 304:
      if (!ask.known) violate("status", number, "304 without a condition");
      return;
    case 500:
    case 502:
    case 503:
    case 504:
      if (!outcome.has("x-sim-error") && !broken(outcome))
        violate("status", number,
                fmt::format("{} with nothing broken: {}", outcome.status, outcome.field("cache-status")));
      return;
    default:
      violate("status", number, fmt::format("status {}", outcome.status));
  }
}

void Invariants::judge_content(const Outcome& outcome) {
  const Ask& ask = outcome.ask;
  if (!outcome.body_fault.empty()) {
    violate(
        "bytes", ask.number,
        fmt::format("{} (status {}, {})", outcome.body_fault, outcome.status, outcome.field("cache-status")));
  }
  for (const char* hidden : {"perigee-peer", "perigee-peer-auth", "perigee-refused"}) {
    if (outcome.has(hidden)) violate("path", ask.number, fmt::format("{} reached a client", hidden));
  }
  const auto caches = parse_cache_status(outcome.field("cache-status"));
  if (!caches || caches->empty()) {
    return violate("cache-status", ask.number,
                   fmt::format("cannot be read: \"{}\"", outcome.field("cache-status")));
  }
  judge_cache_status(outcome, *caches);
  const CacheStatusMember& asker = caches->front();
  if (asker.stored && asker.fwd != "miss") shareable_.insert(ask.number);
  std::optional<uint64_t> version = parse_decimal(outcome.field("x-version"));
  if (outcome.status == 304) version = version_of_tag(outcome.field("etag"));
  if (!version) {
    if (outcome.status < 400) violate("bytes", ask.number, "an answer that does not say its version");
    return;
  }
  if (!truth_.began(ask.resource, *version)) {
    return violate("bytes", ask.number, fmt::format("version {} never was", *version));
  }
  if (outcome.status == 304 && version != ask.known) {
    return violate("status", ask.number,
                   fmt::format("304 about version {}, asked about {}", *version, *ask.known));
  }
  judge_freshness(outcome, *version, *caches);
  judge_unsafe(outcome, *version, *caches);
  judge_purges(outcome);
  judge_age(outcome, *version);
}

// Judged by when the request was sent: whatever decided to use the answer did so later.
void Invariants::judge_freshness(const Outcome& outcome, uint64_t version,
                                 const std::vector<CacheStatusMember>& caches) {
  const auto superseded = truth_.superseded(outcome.ask.resource, version);
  if (!superseded || *superseded >= outcome.sent) return;
  const Resource& resource = truth_.resource(outcome.ask.resource);
  Duration allowed{};
  if (resource.reuse != Reuse::no_cache && resource.reuse != Reuse::no_store) {
    const bool failed = std::any_of(caches.begin(), caches.end(),
                                    [](const auto& cache) { return cache.detail == "stale-if-error"; });
    uint32_t stale_s = resource.stale_while_revalidate_s;
    if (failed) stale_s = std::max({stale_s, resource.stale_if_error_s, scenario_.stale_if_disconnected_s});
    if (resource.reuse == Reuse::must_revalidate) stale_s = 0;
    allowed = seconds(resource.lifetime_s + stale_s) + age_rounding;
    // An answer that was stale on arrival is shared with those who waited for it, however long it was on its
    // way, unless it forbids that (policy.h, may_follow).
    const bool waited =
        std::any_of(caches.begin(), caches.end(), [](const auto& cache) { return cache.collapsed; });
    if (waited && resource.reuse != Reuse::must_revalidate) allowed += head_deadline;
  }
  if (outcome.ask.no_cache) allowed = Duration::zero();
  if (outcome.sent <= *superseded + allowed) return;
  violate(
      "freshness", outcome.ask.number,
      fmt::format("version {} of r{} ({}) {:.3f} s after it was superseded, allowed {:.3f} s: {}", version,
                  resource.number, resource.cache_control(), in_seconds(outcome.sent - *superseded),
                  in_seconds(allowed), outcome.field("cache-status")));
}

void Invariants::judge_unsafe(const Outcome& outcome, uint64_t version,
                              const std::vector<CacheStatusMember>& caches) {
  // As long as nothing was ever broken the nodes of a region are one cache; regions may be too far apart for
  // the time that an unsafe request waits. Otherwise what another node gave is that node's word.
  const bool whole = !trouble_.any(MonoTime{}, outcome.ended);
  if (!whole && caches.size() != 1) return;
  for (const auto& [whom, acknowledged] : acknowledged_) {
    const std::string& node = whom.first;
    const uint32_t resource = whom.second;
    if (resource != outcome.ask.resource) continue;
    if (node != outcome.ask.node && !(whole && region_of(node) == region_of(outcome.ask.node))) continue;
    for (const Acknowledged& each : acknowledged) {
      if (each.at > outcome.sent || version >= each.version) continue;
      // Whom a node's topology does not have it cannot tell.
      const bool all_told = std::all_of(caches.begin(), caches.end(), [&](const CacheStatusMember& cache) {
        return cluster_.knew(node, cache.name, each.sent, each.at);
      });
      if (!all_told) continue;
      return violate("unsafe", outcome.ask.number,
                     fmt::format("version {} of r{}, though {} had acknowledged {} {:.3f} s before: {}",
                                 version, resource, node, each.version, in_seconds(outcome.sent - each.at),
                                 outcome.field("cache-status")));
    }
  }
}

// When an answer was made, or confirmed since, tells the origin's number of that exchange.
void Invariants::judge_purges(const Outcome& outcome) {
  const auto made = exchange_in(outcome.field("cache-control"));
  if (!made || *made >= truth_.exchanges().size()) {
    if (outcome.status < 400)
      violate("purge", outcome.ask.number, "an answer that does not say its exchange");
    return;
  }
  const OriginExchange& exchange = truth_.exchanges()[*made];
  const std::string& node = outcome.ask.node;
  for (const SentPurge& purge : purges_.all()) {
    if (!purge.receipt || *purge.receipt > outcome.sent || !purge.wish.covers(outcome.ask.resource)) continue;
    if (exchange.received >= purge.asked) continue;
    // Who has not got it uses what it has, and who has just been started believes whom it asks.
    const bool knows =
        purge.settled.contains(node) && (purge.everybody || cluster_.booted(node) < purge.asked);
    if (!knows && outcome.sent <= purge.asked + belief) continue;
    return violate("purge", outcome.ask.number,
                   fmt::format("asked for {:.3f} s before a purge whose receipt came {:.3f} s before: {}",
                               in_seconds(purge.asked - exchange.received),
                               in_seconds(outcome.sent - *purge.receipt), outcome.field("cache-status")));
  }
}

void Invariants::judge_age(const Outcome& outcome, uint64_t version) {
  if (!outcome.has("age")) return;
  const auto age = parse_decimal(outcome.field("age"));
  if (!age) return violate("age", outcome.ask.number, "Age is not one number");
  std::optional<MonoTime> made;
  for (const size_t index : truth_.about(outcome.ask.resource)) {
    const OriginExchange& each = truth_.exchanges()[index];
    const bool of_it = each.version == version && each.status < 400;
    if (of_it && each.answered && *each.answered <= *outcome.head_at) made = std::max(made, each.answered);
  }
  if (!made) return violate("age", outcome.ask.number, "an answer that the origin never made");
  if (*made >= outcome.sent) return;
  const Duration true_age = outcome.sent - *made;
  if (seconds(*age) + age_rounding < true_age) {
    violate("age", outcome.ask.number,
            fmt::format("Age {} of what is {:.3f} s old", *age, in_seconds(true_age)));
  }
}

void Invariants::judge_cache_status(const Outcome& outcome, const std::vector<CacheStatusMember>& caches) {
  const uint64_t number = outcome.ask.number;
  const std::string text = outcome.field("cache-status");
  const CacheStatusMember& last = caches.back();
  if (last.name != outcome.ask.node)
    return violate("cache-status", number, "the last is another node: " + text);
  if (outcome.status >= 400) return;
  // From the client toward the origin, as far as this very request went.
  // Behind a 304 stands what was stored, with the words of an earlier request; whose 304 it was is known only
  // where owners ask the origin themselves.
  size_t i = caches.size() - 1;
  const auto passes_on = [](const CacheStatusMember& each) {
    return each.fwd_status && each.fwd_status != 304 && !each.collapsed && each.detail.empty();
  };
  std::vector<std::string> way{last.name};
  while (i > 0 && passes_on(caches[i])) {
    const std::string& name = caches[--i].name;
    if (std::find(way.begin(), way.end(), name) != way.end())
      return violate("cache-status", number, "a node twice: " + text);
    way.push_back(name);
  }
  judge_agreement(number, way, *outcome.head_at);
  const CacheStatusMember& deepest = caches[i];
  const std::vector<size_t>& led = truth_.led_by(number);
  if (deepest.hit) {
    // Who asked others may have asked before, for what it then could not use.
    const bool at_once = &deepest == &last;
    const bool validates = deepest.ttl && *deepest.ttl <= 0;
    if (at_once && !led.empty() && !validates && !broken(outcome))
      violate("cache-status", number, "a hit, and the origin was asked: " + text);
    return;
  }
  if (deepest.fwd.empty()) return violate("cache-status", number, "neither hit nor fwd: " + text);
  if (i != 0 || deepest.collapsed || !deepest.fwd_status || !deepest.detail.empty()) return;
  if (deepest.fwd_status == 304 && !scenario_.shield.empty()) return;
  const bool given = std::any_of(led.begin(), led.end(), [&](size_t index) {
    return truth_.exchanges()[index].status == *deepest.fwd_status;
  });
  if (!given) violate("cache-status", number, "the origin gave no such answer: " + text);
}

void Invariants::judge_origin() {
  for (const OriginExchange& each : truth_.exchanges()) judge_path(each);
  judge_collapsing();
}

void Invariants::judge_path(const OriginExchange& exchange) {
  const auto& via = exchange.via;
  std::string text;
  for (const std::string& name : via) text += " " + name;
  if (via.empty() || exchange.peer_field) {
    return violate("path", exchange.request, "no Via, or a peer's field, at the origin");
  }
  if (std::set<std::string>(via.begin(), via.end()).size() != via.size())
    return violate("path", exchange.request, "a node twice:" + text);
  const auto asked = asks_.find(exchange.request);
  if (asked != asks_.end() && asked->second.node != via.front())
    return violate("path", exchange.request, "does not begin where the client asked:" + text);
  size_t within = 0;
  size_t across = 0;
  for (size_t i = 1; i < via.size(); ++i) {
    const bool same = region_of(via[i]) == region_of(via[i - 1]);
    ++(same ? within : across);
    if (!same && region_of(via[i]) != scenario_.shield)
      violate("path", exchange.request, "into a region that is no shield:" + text);
    if (same && across > 0) violate("path", exchange.request, "an arrow within the shield region:" + text);
  }
  if (within > 1 || across > 1) violate("path", exchange.request, "more than one arrow in a tier:" + text);
  judge_agreement(exchange.request, via, exchange.received);
}

// Who is asked by a node of another topology asks no third, whoever answers in the end.
void Invariants::judge_agreement(uint64_t request, const std::vector<std::string>& way, MonoTime until) {
  const auto sent = sent_.find(request);
  if (way.size() < 3 || sent == sent_.end()) return;
  if (cluster_.agreed_within(way[0], way[1], sent->second, until)) return;
  violate("path", request,
          fmt::format("from {} to {} and on to {}, and they disagree", way[0], way[1], way[2]));
}

// Did an unsafe request on the resource end, or was it purged, while an exchange that began at `from` was
// under way, or so little before that other nodes learnt of it meanwhile? Who asks after it does not join
// what was asked before it; they and those who waited for that share one new exchange.
bool Invariants::changed_since(size_t resource, MonoTime from, MonoTime now) const {
  if (purges_.any(static_cast<uint32_t>(resource), from - std::chrono::seconds(1), now)) return true;
  for (const OriginExchange& each : truth_.exchanges()) {
    const bool safe = each.method == "GET" || each.method == "HEAD";
    if (safe || each.resource != resource || each.received > now) continue;
    if (!each.ended || *each.ended + std::chrono::seconds(1) >= from) return true;
  }
  return false;
}

// A plain GET at the origin for a variant while another of the same node is under way, with nothing broken.
void Invariants::judge_collapsing() {
  if (!scenario_.faults.empty()) return;
  struct Busy {
    MonoTime newest{}, until{};  // when the last of them began, and when all have ended
  };
  std::map<std::string, Busy> busy;
  for (const OriginExchange& each : truth_.exchanges()) {
    const auto asked = asks_.find(each.request);
    const Resource& resource = truth_.resource(each.resource);
    const bool collapses = resource.reuse != Reuse::no_store && resource.reuse != Reuse::no_cache &&
                           resource.languages == 0 && each.method == "GET" && each.plain;
    if (!collapses || asked == asks_.end() || asked->second.no_cache || !asked->second.range.empty())
      continue;
    // What was known not to be shared, or turned out so, nobody waits for.
    if (!shareable_.contains(each.request)) continue;
    // Its asker left, which the origin hears of later than the node.
    if (each.asker_left || !each.ended || each.via.empty()) continue;
    Busy& before = busy[fmt::format("{} {}", each.via.back(), each.resource)];
    // What a node has asked before its first word of the purge log, which another node keeps, may be what was
    // purged.
    const std::string& node = each.via.back();
    const bool knew_purges = scenario_.purge_log.empty() || scenario_.purge_log == node ||
                             before.newest >= cluster_.booted(node) + first_word_max;
    if (each.received < before.until && knew_purges &&
        !changed_since(each.resource, before.newest, each.received)) {
      violate("collapsing", each.request,
              fmt::format("r{} was asked for by {} while it was under way", each.resource, node));
    }
    before = {each.received, std::max(before.until, *each.ended)};
  }
}

}  // namespace perigee::sim
