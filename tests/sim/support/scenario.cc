#include "tests/sim/support/scenario.h"

#include <fmt/format.h>

#include <algorithm>

#include "edge/base/hash.h"

namespace perigee::sim {

namespace {

using namespace std::chrono_literals;

constexpr std::string_view region_names[] = {"eu", "us", "ap", "sa"};

Membership make_nodes(Random& random, size_t count, size_t regions) {
  Membership nodes;
  std::vector<size_t> numbers(regions);
  for (size_t i = 0; i < count; ++i) {
    const size_t region = i < regions ? i : random.below(regions);
    NodeSpec node;
    node.region = region_names[region];
    node.name = fmt::format("{}-{}", node.region, ++numbers[region]);
    node.ip = fmt::format("10.{}.0.{}", region + 1, numbers[region]);
    node.weight = random.chance(0.2) ? static_cast<uint32_t>(2 + random.below(3)) : 1;
    nodes.push_back(std::move(node));
  }
  return nodes;
}

// Others that somebody may believe in: nodes are missing, or weigh something else. Every region keeps a node.
Membership make_other(Random& random, const Membership& usual) {
  Membership other;
  for (const NodeSpec& node : usual) {
    const bool first_of_region = node.name.ends_with("-1");
    if (!first_of_region && random.chance(0.25)) continue;
    other.push_back(node);
    if (random.chance(0.2)) other.back().weight = static_cast<uint32_t>(1 + random.below(5));
  }
  return other;
}

size_t draw_nodes(Random& random, Profile profile) {
  if (profile == Profile::large) return 20 + random.below(31);
  const double kind = random.unit();
  if (kind < 0.6) return 3 + random.below(3);
  if (kind < 0.95) return 5 + random.below(5);
  return 10 + random.below(7);
}

FaultMix draw_mix(Random& random, Profile profile) {
  if (profile == Profile::membership) return {false, false, true, false};
  return {random.chance(0.7), random.chance(0.7), random.chance(0.6), random.chance(0.6)};
}

TrafficMix draw_traffic(Random& random) {
  TrafficMix traffic;
  traffic.requests_per_second = 5 + 20 * random.unit();
  traffic.zipf = 0.6 + 0.6 * random.unit();
  traffic.unsafe = random.chance(0.7) ? 0.05 * random.unit() : 0;
  traffic.range = random.chance(0.7) ? 0.3 * random.unit() : 0;
  return traffic;
}

}  // namespace

std::string_view to_string(Profile profile) {
  switch (profile) {
    case Profile::any:
      return "any";
    case Profile::calm:
      return "calm";
    case Profile::membership:
      return "membership";
    case Profile::large:
      return "large";
  }
  return "any";
}

std::optional<Profile> parse_profile(std::string_view text) {
  for (const Profile profile : {Profile::any, Profile::calm, Profile::membership, Profile::large}) {
    if (text == to_string(profile)) return profile;
  }
  return std::nullopt;
}

std::vector<std::string> Scenario::regions() const {
  std::vector<std::string> found;
  for (const NodeSpec& node : nodes()) {
    if (std::find(found.begin(), found.end(), node.region) == found.end()) found.push_back(node.region);
  }
  return found;
}

Scenario make_scenario(uint64_t seed, Profile profile, Duration lasts) {
  Random random(hash64(seed, static_cast<uint64_t>(profile)));
  Scenario scenario;
  scenario.seed = seed;
  scenario.profile = profile;
  scenario.lasts = lasts > Duration::zero() ? lasts : 40s;
  scenario.workers = random.chance(0.4) ? 2 : 1;
  scenario.budget_bytes = random.chance(0.3) ? 2 << 20 : 16 << 20;
  scenario.stale_if_disconnected_s = random.chance(0.5) ? static_cast<uint32_t>(random.below(30)) : 0;
  const size_t nodes = draw_nodes(random, profile);
  const size_t regions = 1 + random.below(std::min<size_t>(std::size(region_names), (nodes + 1) / 2));
  scenario.memberships.push_back(make_nodes(random, nodes, regions));
  for (size_t i = 0; i < 3; ++i) scenario.memberships.push_back(make_other(random, scenario.nodes()));
  if (regions > 1 && random.chance(0.6)) scenario.shield = region_names[random.below(regions)];
  for (size_t i = 0; i < regions; ++i)
    scenario.region_delays.push_back(std::chrono::milliseconds(1 + random.below(60)));
  scenario.catalogue = make_catalogue(random, 8 + random.below(40));
  scenario.traffic = draw_traffic(random);
  scenario.short_writes = random.chance(0.3);
  std::vector<std::string> names;
  for (const NodeSpec& node : scenario.nodes()) names.push_back(node.name);
  const bool calm = profile == Profile::calm || (profile == Profile::any && random.chance(0.1));
  const FaultMix mix = draw_mix(random, profile);
  const Duration spacing = std::chrono::milliseconds(1'000 + random.below(6'000));
  if (!calm)
    scenario.faults =
        make_faults(random, names, scenario.memberships.size(), mix, spacing, scenario.lasts - 2s);
  if (random.chance(0.5)) {
    scenario.purge_log = names.front();
    scenario.traffic.purges_per_second = 0.05 + 0.4 * random.unit();
  }
  return scenario;
}

std::string describe(const Scenario& scenario) {
  std::string text = fmt::format(
      "seed {} ({}): {} nodes of {} workers in {} regions, shield {}, {} resources, {:.1f} requests/s, "
      "store {} MiB, stale-if-disconnected {} s, {} faults, {:.2f} purges/s\n",
      scenario.seed, to_string(scenario.profile), scenario.nodes().size(), scenario.workers,
      scenario.regions().size(), scenario.shield.empty() ? "none" : scenario.shield,
      scenario.catalogue.size(), scenario.traffic.requests_per_second, scenario.budget_bytes >> 20,
      scenario.stale_if_disconnected_s, scenario.faults.size(), scenario.traffic.purges_per_second);
  for (const Fault& fault : scenario.faults) text += "  " + describe(fault) + "\n";
  return text;
}

}  // namespace perigee::sim
