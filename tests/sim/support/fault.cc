#include "tests/sim/support/fault.h"

#include <fmt/format.h>

#include <algorithm>

namespace perigee::sim {

namespace {

using namespace std::chrono_literals;
using std::chrono::milliseconds;

constexpr std::string_view origin_name = "origin";

std::vector<FaultKind> kinds_of(const FaultMix& mix, size_t topologies) {
  using enum FaultKind;
  std::vector<FaultKind> kinds;
  if (mix.processes) kinds.insert(kinds.end(), {crash, crash, power_cut, pause});
  if (mix.links)
    kinds.insert(kinds.end(), {drop, drop, partition, slow_link, thin_link, refuse, reset, reset});
  if (mix.memberships && topologies > 1) kinds.insert(kinds.end(), {membership, membership, membership});
  if (mix.origin)
    kinds.insert(kinds.end(), {origin_slow, origin_errors, origin_cuts, origin_silence, origin_down});
  return kinds;
}

uint64_t draw_amount(Random& random, FaultKind kind, size_t topologies) {
  switch (kind) {
    case FaultKind::slow_link:
      return 20 + random.below(2'500);
    case FaultKind::thin_link:
      return 20'000 + random.below(400'000);
    case FaultKind::membership:
      return 1 + random.below(topologies - 1);
    case FaultKind::origin_slow:
      return 100 + random.below(7'000);
    case FaultKind::origin_errors:
    case FaultKind::origin_cuts:
      return 10 + random.below(91);
    case FaultKind::origin_silence:
      return 5 + random.below(50);
    default:
      return 0;
  }
}

bool is_of_link(FaultKind kind) { return kind >= FaultKind::drop && kind <= FaultKind::reset; }
bool is_of_node(FaultKind kind) { return kind <= FaultKind::pause || kind == FaultKind::membership; }

}  // namespace

std::string_view to_string(FaultKind kind) {
  constexpr std::string_view names[] = {"crash",       "power cut",      "pause",       "drop",
                                        "partition",   "slow link",      "thin link",   "refuse",
                                        "reset",       "membership",     "origin slow", "origin errors",
                                        "origin cuts", "origin silence", "origin down"};
  return names[static_cast<size_t>(kind)];
}

std::string describe(const Fault& fault) {
  std::string text = fmt::format("{:.3f} s to {:.3f} s: {}", in_seconds(fault.at), in_seconds(fault.end()),
                                 to_string(fault.kind));
  if (!fault.a.empty()) text += " " + fault.a;
  if (!fault.b.empty()) text += " -> " + fault.b;
  if (fault.amount != 0) text += fmt::format(" ({})", fault.amount);
  return text;
}

std::vector<Fault> make_faults(Random& random, const std::vector<std::string>& nodes, size_t topologies,
                               const FaultMix& mix, Duration spacing, Duration until) {
  const std::vector<FaultKind> kinds = kinds_of(mix, topologies);
  std::vector<Fault> faults;
  if (kinds.empty() || spacing <= Duration::zero()) return faults;
  const auto draw = [&](Duration below) {
    return Duration(milliseconds(random.below(static_cast<uint64_t>(below / 1ms) + 1)));
  };
  for (Duration at = draw(spacing); at < until; at += draw(2 * spacing)) {
    Fault fault;
    fault.kind = kinds[random.below(kinds.size())];
    fault.at = at;
    fault.lasts = fault.kind == FaultKind::reset ? Duration::zero() : 200ms + draw(15s);
    fault.lasts = std::min(fault.lasts, until - at);
    fault.amount = draw_amount(random, fault.kind, topologies);
    if (is_of_node(fault.kind) || is_of_link(fault.kind)) fault.a = nodes[random.below(nodes.size())];
    if (is_of_link(fault.kind)) {
      // Mostly between two nodes, sometimes toward the origin.
      fault.b = std::string(origin_name);
      if (random.chance(0.8)) fault.b = nodes[random.below(nodes.size())];
      if (fault.a == fault.b) continue;
      if (fault.kind == FaultKind::drop && random.chance(0.5)) std::swap(fault.a, fault.b);
    }
    faults.push_back(std::move(fault));
  }
  return faults;
}

}  // namespace perigee::sim
