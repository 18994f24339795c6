// bench-evict: hit ratios of eviction strategies on traces, and the traces themselves.
#include <cstdio>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "bench/evict/offline.h"
#include "bench/evict/replay.h"
#include "bench/trace/generate.h"
#include "bench/trace/trace.h"
#include "edge/base/bytes.h"

namespace perigee::evict {
namespace {

constexpr std::string_view usage = R"(usage: bench-evict [options] MIX|FILE.csv

Replays a trace through the store with every strategy at several sizes, and prints one line of JSON: object and byte
hit ratios, beside what a cache that knew the future could do (belady) and what none can exceed (bound). MIX is one of
zipf, scan, recency, one_hit, twice (bench/trace/generate.h); a file holds lines of time,id,size.

  --csv                 prints the trace instead
  --shares LIST         sizes in percent of the footprint (default 1,2,5,10,25)
  --policies LIST       strategies (default all)
  --shards N            of the store (default 16)
Of a generated trace
  --requests N  --ids N  --skew X  --seed N  --rate PER_SECOND
  --size-median BYTES  --size-mean BYTES
  --one-hit-share X  --scan-every N  --scan-ids N  --birth-share X  --twice-lag N
)";

struct Options {
  std::string source;
  bool csv = false;
  unsigned shards = 16;
  std::vector<double> shares = {1, 2, 5, 10, 25};
  std::vector<cache::EvictionKind> policies;
  trace::Parameters parameters;
};

std::vector<std::string> split(std::string_view list) {
  std::vector<std::string> parts;
  while (true) {
    const size_t comma = list.find(',');
    parts.emplace_back(list.substr(0, comma));
    if (comma == std::string_view::npos) return parts;
    list.remove_prefix(comma + 1);
  }
}

bool read_number(std::string_view text, uint64_t& out) {
  const auto value = parse_decimal(text);
  if (value && *value > 0) out = *value;
  return value && *value > 0;
}

bool read_real(const std::string& text, double& out) {
  char* end = nullptr;
  const double value = std::strtod(text.c_str(), &end);
  if (text.empty() || *end != '\0' || !(value >= 0)) return false;
  out = value;
  return true;
}

bool read_shares(std::string_view list, Options& options) {
  options.shares.clear();
  for (const std::string& part : split(list)) {
    double share = 0;
    if (!read_real(part, share) || share <= 0) return false;
    options.shares.push_back(share);
  }
  return true;
}

bool read_policies(std::string_view list, Options& options) {
  for (const std::string& part : split(list)) {
    const auto kind = cache::parse_eviction(part);
    if (!kind) return false;
    options.policies.push_back(*kind);
  }
  return true;
}

bool read_option(std::string_view name, const std::string& value, Options& options) {
  trace::Parameters& of = options.parameters;
  const std::map<std::string_view, uint64_t*> numbers = {{"--requests", &of.requests},
                                                         {"--ids", &of.ids},
                                                         {"--seed", &of.seed},
                                                         {"--scan-ids", &of.scan_ids},
                                                         {"--scan-every", &of.scan_every},
                                                         {"--twice-lag", &of.twice_lag}};
  const std::map<std::string_view, double*> reals = {{"--skew", &of.skew},
                                                     {"--rate", &of.rate},
                                                     {"--size-mean", &of.size_mean},
                                                     {"--size-median", &of.size_median},
                                                     {"--birth-share", &of.birth_share},
                                                     {"--one-hit-share", &of.one_hit_share}};
  if (const auto found = numbers.find(name); found != numbers.end())
    return read_number(value, *found->second);
  if (const auto found = reals.find(name); found != reals.end()) return read_real(value, *found->second);
  if (name == "--shares") return read_shares(value, options);
  if (name == "--policies") return read_policies(value, options);
  uint64_t shards = 0;
  if (name != "--shards" || !read_number(value, shards) || shards > 4096) return false;
  options.shards = static_cast<unsigned>(shards);
  return true;
}

bool read_options(int argc, char** argv, Options& options) {
  for (int i = 1; i < argc; ++i) {
    const std::string_view argument = argv[i];
    if (argument == "--csv") {
      options.csv = true;
    } else if (argument.substr(0, 2) != "--") {
      options.source = argument;
    } else if (i + 1 >= argc || !read_option(argument, argv[++i], options)) {
      std::fprintf(stderr, "bench-evict: found %s %s, expected what --help says\n", argv[i - 1], argv[i]);
      return false;
    }
  }
  if (options.policies.empty()) {
    for (const auto name : cache::eviction_names) options.policies.push_back(*cache::parse_eviction(name));
  }
  return !options.source.empty();
}

Result<trace::Trace> load(Options& options) {
  if (const auto mix = trace::parse_mix(options.source)) {
    options.parameters.mix = *mix;
    return trace::generate(options.parameters);
  }
  return trace::read_csv(options.source);
}

void print_row(bool& first, double share, uint64_t budget, std::string_view policy, double objects,
               double bytes) {
  std::printf("%s{\"share\":%g,\"budget\":%lu,\"policy\":\"%.*s\",\"objects\":%.5f,\"bytes\":%.5f}",
              first ? "" : ",", share, budget, static_cast<int>(policy.size()), policy.data(), objects,
              bytes);
  std::fflush(stdout);
  first = false;
}

void print_ratios(const trace::Trace& trace, const Options& options) {
  const uint64_t whole = footprint(trace);
  std::printf("{\"trace\":\"%s\",\"requests\":%zu,\"ids\":%zu,\"footprint\":%lu,\"rows\":[",
              options.source.c_str(), trace.requests.size(), trace.ids(), whole);
  bool first = true;
  for (const double share : options.shares) {
    const auto budget = static_cast<uint64_t>(static_cast<double>(whole) * share / 100);
    for (const cache::EvictionKind policy : options.policies) {
      const Ratio ratio = replay(trace, {policy, budget, options.shards});
      print_row(first, share, budget, cache::to_string(policy), ratio.objects(), ratio.of_bytes());
    }
    const Ratio best = belady(trace, budget);
    print_row(first, share, budget, "belady", best.objects(), best.of_bytes());
    print_row(first, share, budget, "bound", bound(trace, budget, Worth::object).objects(),
              bound(trace, budget, Worth::byte).of_bytes());
  }
  std::puts("]}");
}

int run(int argc, char** argv) {
  Options options;
  if (!read_options(argc, argv, options)) {
    std::fputs(usage.data(), stderr);
    return 2;
  }
  const auto trace = load(options);
  if (!trace) {
    std::fprintf(stderr, "bench-evict: %s\n", trace.error().context.c_str());
    return 2;
  }
  if (options.csv) {
    trace::write_csv(*trace, stdout);
  } else {
    print_ratios(*trace, options);
  }
  return 0;
}

}  // namespace
}  // namespace perigee::evict

int main(int argc, char** argv) { return perigee::evict::run(argc, argv); }
