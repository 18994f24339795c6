#include "tests/sim/support/simulation.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <exception>
#include <utility>

#include "edge/base/bytes.h"
#include "edge/base/hash.h"

namespace perigee::sim {

namespace {

using namespace std::chrono_literals;

// After the last fault and the last request: what still waits may wait that long.
constexpr Duration rest_max = 200s;

ClusterSettings settings_of(const Scenario& scenario, bool open_log) {
  ClusterSettings settings;
  settings.workers = scenario.workers;
  settings.budget_bytes = scenario.budget_bytes;
  settings.shield = scenario.shield;
  settings.purge_log = scenario.purge_log;
  settings.stale_if_disconnected_s = scenario.stale_if_disconnected_s;
  settings.short_writes = scenario.short_writes;
  settings.open_log = open_log;
  settings.origin = std::string(origin_ip) + ":80";
  return settings;
}

}  // namespace

Duration Simulation::draw_gap(Random& random, double per_second) {
  const double gap_s = -std::log(1 - random.unit()) / per_second;
  return std::chrono::duration_cast<Duration>(std::chrono::duration<double>(gap_s));
}

Simulation::Simulation(const Scenario& scenario, Say say)
    : scenario_(scenario),
      say_(std::move(say)),
      world_(hash64(scenario.seed, 1)),
      start_(world_.now()),
      random_(hash64(scenario.seed, 2)),
      truth_(scenario.catalogue),
      purge_random_(hash64(scenario.seed, 5)),
      zipf_(scenario.catalogue.size(), scenario.traffic.zipf) {
  origin_ = std::make_unique<SimOrigin>(world_, net::Address::parse_ip(origin_ip, 80).value(), truth_,
                                        hash64(scenario.seed, 3));
  cluster_ =
      std::make_unique<SimCluster>(world_, settings_of(scenario, say_ != nullptr), scenario.memberships);
  invariants_ = std::make_unique<Invariants>(scenario_, truth_, trouble_, purges_, *cluster_);
  const std::vector<std::string> regions = scenario.regions();
  for (size_t i = 0; i < regions.size(); ++i) {
    clients_[regions[i]] = std::make_unique<SimClients>(
        world_, "clients-" + regions[i], fmt::format("10.100.{}.1", i), hash64(scenario.seed, 100 + i),
        [this](Outcome outcome) { heard(std::move(outcome)); });
  }
  set_links();
  set_mood();
  for (const NodeSpec& node : scenario.nodes()) cluster_->boot(node.name);
}

Simulation::~Simulation() {
  clients_.clear();
  cluster_.reset();
}

void Simulation::say(const std::string& text) const {
  if (!say_) return;
  say_(fmt::format("{:9.3f} {}", std::chrono::duration<double>(world_.now() - start_).count(), text));
}

std::string Simulation::region_of(const std::string& machine) const {
  if (machine.starts_with("clients-")) return machine.substr(8);
  return machine.substr(0, machine.find('-'));
}

// Within a region a moment, across regions by way of a common middle; the origin stands there.
net::LinkOptions Simulation::base_link(const std::string& from, const std::string& to) const {
  const std::vector<std::string> regions = scenario_.regions();
  const auto delay_of = [&](const std::string& machine) {
    const auto at = std::find(regions.begin(), regions.end(), region_of(machine));
    return at == regions.end() ? Duration::zero()
                               : scenario_.region_delays[static_cast<size_t>(at - regions.begin())];
  };
  net::LinkOptions link;
  link.delay = region_of(from) == region_of(to) ? Duration(300us) : delay_of(from) + delay_of(to) + 1ms;
  link.jitter = link.delay / 4;
  return link;
}

void Simulation::set_links() {
  std::vector<std::string> machines = cluster_->names();
  machines.emplace_back(SimOrigin::node);
  for (const auto& [region, clients] : clients_) machines.push_back(clients->name());
  for (const std::string& from : machines) {
    for (const std::string& to : machines) {
      if (from != to) world_.set_link(from, to, base_link(from, to));
    }
  }
}

void Simulation::schedule(MonoTime at, std::function<void()> action) {
  pending_.emplace(at, std::move(action));
}

void Simulation::run_pending(MonoTime until) {
  while (!pending_.empty() && pending_.begin()->first <= until) {
    const auto next = pending_.begin();
    const MonoTime at = next->first;
    const std::function<void()> action = std::move(next->second);
    pending_.erase(next);
    world_.advance(at - world_.now());
    action();
  }
  world_.advance(until - world_.now());
}

RunResult Simulation::run() {
  say(describe(scenario_));
  world_.run_until_idle();
  traffic_ends_ = start_ + scenario_.lasts;
  schedule_faults();
  for (const Resource& resource : scenario_.catalogue) schedule_versions(resource.number);
  schedule_traffic();
  schedule_purges();
  try {
    run_pending(traffic_ends_);
    come_to_rest();
  } catch (const std::exception& error) {
    invariants_->violate("rest", 0, error.what());
  }
  RunResult result;
  result.violations = invariants_->violations();
  figures_.origin_requests = truth_.exchanges().size();
  figures_.ejections = cluster_->metric(Metric::peer_ejections);
  figures_.steps = world_.steps();
  result.figures = figures_;
  result.trace = hash64(world_.trace_digest(), answers_digest_);
  return result;
}

void Simulation::schedule_versions(uint32_t resource) {
  const Duration period = scenario_.catalogue[resource].period;
  if (period == Duration::zero()) return;
  const double per_second = 1 / std::chrono::duration<double>(period).count();
  schedule(world_.now() + draw_gap(random_, per_second), [this, resource] {
    const uint64_t version = truth_.advance(resource, world_.now());
    say(fmt::format("origin: r{} is now version {}", resource, version));
    if (world_.now() < traffic_ends_) schedule_versions(resource);
  });
}

void Simulation::schedule_traffic() {
  const MonoTime at = world_.now() + draw_gap(random_, scenario_.traffic.requests_per_second);
  if (at >= traffic_ends_) return;
  schedule(at, [this] {
    // Now and then a crowd for one thing at once.
    if (random_.chance(0.03)) {
      const uint32_t resource = draw_ask().resource;
      for (uint64_t left = 2 + random_.below(12); left > 0; --left) {
        Ask ask = draw_ask();
        ask.resource = resource;
        ask.language = 0;
        ask.known.reset();
        ask.if_range.reset();
        send(std::move(ask));
      }
    } else {
      send(draw_ask());
    }
    schedule_traffic();
  });
}

void Simulation::heard(Outcome outcome) {
  figures_.complete += outcome.end == End::complete;
  figures_.cut += outcome.end != End::complete && outcome.end != End::left;
  figures_.body_bytes += outcome.body_bytes;
  figures_.own_errors += outcome.status >= 500 && !outcome.has("x-sim-error");
  ++figures_.by_end[std::string(to_string(outcome.end))];
  const std::string caches = outcome.field("cache-status");
  figures_.hits += caches.find("; hit") != std::string::npos;
  for (const uint64_t value : {outcome.ask.number, static_cast<uint64_t>(outcome.status), outcome.body_digest,
                               static_cast<uint64_t>(outcome.end), hash64(caches),
                               static_cast<uint64_t>(outcome.ended.time_since_epoch().count())})
    answers_digest_ = hash64(answers_digest_, value);
  const auto version = parse_decimal(outcome.field("x-version"));
  if (version && !outcome.ask.is_unsafe()) seen_[{outcome.ask.resource, outcome.ask.language}] = *version;
  say(fmt::format("#{} {}: {} v{} {} bytes, age {}, {}", outcome.ask.number, to_string(outcome.end),
                  outcome.status, version.value_or(0), outcome.body_bytes, outcome.field("age"), caches));
  const size_t before = invariants_->violations().size();
  invariants_->judge(outcome);
  for (size_t i = before; i < invariants_->violations().size(); ++i) {
    const Violation& each = invariants_->violations()[i];
    say(fmt::format("VIOLATION #{} {}: {}", each.request, each.invariant, each.text));
  }
}

void Simulation::come_to_rest() {
  for (const Fault* fault : std::vector(active_)) end_fault(*fault);
  say("traffic is over");
  const auto under_way = [this] {
    size_t count = 0;
    for (const auto& [region, clients] : clients_) count += clients->under_way();
    return count;
  };
  if (!world_.run_until([&] { return under_way() == 0; }, rest_max))
    invariants_->violate("rest", 0, fmt::format("{} requests never end", under_way()));
  for (const auto& [region, clients] : clients_) clients->close_idle();
  // Validations in the background, fills that nobody reads any more.
  world_.run_until([this] { return origin_->under_way() == 0; }, 60s);
  invariants_->judge_origin();
  check_rest();
}

size_t Simulation::fills_in_flight() const {
  size_t sum = 0;
  for (const std::string& name : cluster_->names()) {
    if (cluster_->is_up(name)) sum += cluster_->node(name)->fills_in_flight();
  }
  return sum;
}

// Until the origin has heard of the end of every connection. A node that drains keeps none that has nothing
// to do; but whoever went without a word, or whose word was lost or is held up, is missed when it has been
// idle for too long.
Duration Simulation::farewell() const {
  const bool silent = std::any_of(scenario_.faults.begin(), scenario_.faults.end(), [](const Fault& fault) {
    switch (fault.kind) {
      case FaultKind::crash:
      case FaultKind::power_cut:
      case FaultKind::drop:
      case FaultKind::partition:
      case FaultKind::thin_link:
        return true;
      default:
        return false;
    }
  });
  return silent ? 100s : 5s;
}

void Simulation::check_rest() {
  if (origin_->under_way() != 0)
    invariants_->violate("rest", 0,
                         fmt::format("{} exchanges at the origin never end", origin_->under_way()));
  say("every node drains");
  cluster_->drain();
  const size_t machines = cluster_->machines_up();
  if (!world_.run_until([&] { return cluster_->drained() == machines; }, 60s))
    invariants_->violate("rest", 0, fmt::format("{} of {} nodes drain", cluster_->drained(), machines));
  // Nobody waits for a validation in the background, a drain neither; it has a deadline of its own.
  world_.run_until([this] { return fills_in_flight() == 0; }, 60s);
  // After the last fetch, which may have needed a connection of its own.
  world_.run_until([this] { return origin_->connections() == 0; }, farewell());
  for (const std::string& name : cluster_->names()) {
    if (!cluster_->is_up(name)) continue;
    const Node& node = *cluster_->node(name);
    const uint64_t open = node.metric(Metric::connections_open) + node.metric(Metric::peer_connections_open);
    if (open != 0) invariants_->violate("rest", 0, fmt::format("{} connections are left at {}", open, name));
    const size_t fills = cluster_->node(name)->fills_in_flight();
    if (fills != 0) invariants_->violate("rest", 0, fmt::format("{} fills are left at {}", fills, name));
  }
  if (origin_->connections() != 0)
    invariants_->violate("rest", 0,
                         fmt::format("{} connections are left at the origin", origin_->connections()));
  if (const uint64_t rejected = cluster_->metric(Metric::peer_rejected); rejected != 0)
    invariants_->violate("peers", 0, fmt::format("{} requests of peers were refused", rejected));
  if (const uint64_t loops = cluster_->metric(Metric::loops_detected); loops != 0)
    invariants_->violate("peers", 0, fmt::format("{} loops", loops));
  for (const std::string& line : cluster_->errors()) invariants_->violate("peers", 0, "logged: " + line);
}

}  // namespace perigee::sim
