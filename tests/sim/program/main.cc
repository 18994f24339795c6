// perigee-simulate: simulations of a cluster in one process, for script/simulate and script/accept.
//
//   perigee-simulate seeds --from 1 --count 100     one simulation for each seed, and what they violate
//   perigee-simulate herd --bytes 100000000         one JSON line
//   perigee-simulate load --node eu-1,eu,1 ...      one JSON line
//
// It ends with 1 when an invariant is violated; with --expect-violation, when none is.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <string>

#include "tests/sim/support/herd.h"
#include "tests/sim/support/load_report.h"
#include "tests/sim/support/simulation.h"

namespace {

using namespace perigee::sim;
using perigee::Duration;

struct SeedOptions {
  uint64_t from = 1;
  uint64_t count = 1;
  std::string profile = "any";
  double seconds = 0;
  bool verbose = false;
  bool expect_violation = false;
};

Duration from_seconds(double seconds) {
  return std::chrono::duration_cast<Duration>(std::chrono::duration<double>(seconds));
}

void print_line(const std::string& line) {
  std::fputs((line + "\n").c_str(), stdout);
  std::fflush(stdout);
}

std::string in_words(const RunResult& result) {
  const Figures& figures = result.figures;
  std::string text = fmt::format("{} requests", figures.asks);
  for (const auto& [end, count] : figures.by_end) text += fmt::format(", {} {}", count, end);
  return text + fmt::format(
                    "; {} hits, {} errors of our own, {} at the origin, {} ejections, {} purges, {} "
                    "receipts, {} steps, "
                    "trace {:016x}",
                    figures.hits, figures.own_errors, figures.origin_requests, figures.ejections,
                    figures.purges, figures.receipts, figures.steps, result.trace);
}

void print_violations(const Scenario& scenario, const std::vector<Violation>& violations) {
  constexpr size_t shown_max = 8;
  for (size_t i = 0; i < std::min(violations.size(), shown_max); ++i) {
    const Violation& each = violations[i];
    print_line(fmt::format("seed {}: VIOLATION {}, request {}: {}", scenario.seed, each.invariant,
                           each.request, each.text));
  }
  print_line(fmt::format("seed {}: {} violations; again with: script/simulate --seed {} --profile {}",
                         scenario.seed, violations.size(), scenario.seed, to_string(scenario.profile)));
}

int run_seeds(const SeedOptions& options) {
  const auto profile = parse_profile(options.profile);
  if (!profile) {
    print_line("no profile " + options.profile + "; expected any, calm, membership or large");
    return 2;
  }
  uint64_t failed = 0;
  for (uint64_t seed = options.from; seed < options.from + options.count; ++seed) {
    const Scenario scenario = make_scenario(seed, *profile, from_seconds(options.seconds));
    Simulation::Say say;
    if (options.verbose) say = print_line;
    const RunResult result = Simulation(scenario, say).run();
    if (options.verbose || options.count == 1) print_line(describe(scenario) + in_words(result));
    if (result.violations.empty()) continue;
    ++failed;
    print_violations(scenario, result.violations);
    if (options.expect_violation) return 0;
  }
  print_line(fmt::format("{} seeds, {} with violations", options.count, failed));
  return (failed != 0) == options.expect_violation ? 0 : 1;
}

int run_one_herd(HerdOptions options, double latency_s, const std::string& kill) {
  options.origin_latency = from_seconds(latency_s);
  if (kill == "owner") options.kill = HerdOptions::Kill::owner;
  if (kill == "asker") options.kill = HerdOptions::Kill::asker;
  const HerdFigures figures = run_herd(options);
  print_line(
      fmt::format("{{\"gets\":{},\"complete\":{},\"client_errors\":{},\"wrong\":{},\"excess_ms\":{:.3f},"
                  "\"ejections\":{},\"fallbacks\":{}}}",
                  figures.gets, figures.complete, figures.client_errors, figures.wrong,
                  std::chrono::duration<double, std::milli>(figures.excess).count(), figures.ejections,
                  figures.fallbacks));
  return 0;
}

// "eu-1,eu,2": name, region, weight.
bool add_node(const std::string& text, Membership& nodes) {
  const size_t first = text.find(',');
  const size_t second = text.find(',', first + 1);
  if (first == std::string::npos || second == std::string::npos) return false;
  const int weight = std::atoi(text.c_str() + second + 1);
  if (weight < 1) return false;
  nodes.push_back(
      {text.substr(0, first), text.substr(first + 1, second - first - 1), "", static_cast<uint32_t>(weight)});
  return true;
}

int run_one_load(LoadOptions options, const std::vector<std::string>& nodes) {
  for (const std::string& node : nodes) {
    if (add_node(node, options.nodes)) continue;
    print_line("found " + node + ", expected name,region,weight");
    return 2;
  }
  const LoadReport report = run_load(options);
  print_line(to_json(options, report));
  return report.failed == 0 ? 0 : 1;
}

}  // namespace

int main(int count, char** arguments) {
  CLI::App app("Simulates clusters of nodes in one process, by seed.");
  app.require_subcommand(1);
  SeedOptions seeds;
  CLI::App* seeds_command = app.add_subcommand("seeds", "one simulation for each seed");
  seeds_command->add_option("--from", seeds.from, "the first seed");
  seeds_command->add_option("--count", seeds.count, "how many seeds");
  seeds_command->add_option("--profile", seeds.profile, "any, calm, membership or large");
  seeds_command->add_option("--seconds", seeds.seconds, "of traffic in each simulation");
  seeds_command->add_flag("--verbose", seeds.verbose, "print every event");
  seeds_command->add_flag("--expect-violation", seeds.expect_violation,
                          "end well at the first violation, only then");

  HerdOptions herd;
  double latency_s = 0.08;
  std::string kill = "nobody";
  CLI::App* herd_command = app.add_subcommand("herd", "many clients ask for one large thing that nobody has");
  herd_command->add_option("--bytes", herd.bytes, "of the thing");
  herd_command->add_option("--clients", herd.clients_per_node, "at each node");
  herd_command->add_option("--latency", latency_s, "of the origin, in seconds");
  herd_command->add_option("--kill", kill, "nobody, owner or asker");

  LoadOptions load;
  std::vector<std::string> nodes;
  CLI::App* load_command = app.add_subcommand("load", "offload, hit ratio and load of a topology");
  load_command->add_option("--node", nodes, "name,region,weight")->required();
  load_command->add_option("--shield", load.shield, "a region");
  load_command->add_option("--requests", load.requests);
  load_command->add_option("--rate", load.requests_per_second);
  load_command->add_option("--urls", load.urls);
  load_command->add_option("--zipf", load.zipf);
  load_command->add_option("--bytes", load.bytes);
  load_command->add_option("--lifetime", load.lifetime_s);
  load_command->add_option("--budget", load.budget_bytes);
  load_command->add_option("--seed", load.seed);
  CLI11_PARSE(app, count, arguments);
  if (seeds_command->parsed()) return run_seeds(seeds);
  if (herd_command->parsed()) return run_one_herd(herd, latency_s, kill);
  return run_one_load(load, nodes);
}
