// Placement in figures: balance, movement when a node leaves, weights, build time, and the time of a look-up
// beside that of a std::map ring with 160 virtual nodes, for 3 to 500 nodes. The last line is one JSON object
// of the same figures.
#include "edge/cluster/placement.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <iterator>
#include <map>
#include <string>
#include <vector>

#include "edge/base/hash.h"
#include "edge/base/random.h"

namespace {

using perigee::cluster::default_slots;
using perigee::cluster::NodeIndex;
using perigee::cluster::PlacementTable;
using Members = std::vector<PlacementTable::Member>;

struct Figures {
  size_t nodes = 0;
  uint32_t slots = 0;
  double build_ms = 0;
  double busiest_over_mean = 0;
  double moved_over_minimum = 0;
  double weight_error = 0;
  double table_ns = 0;
  double ring_ns = 0;
};

double milliseconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count();
}

std::vector<uint32_t> owned(const PlacementTable& table, size_t nodes) {
  std::vector<uint32_t> count(nodes);
  for (uint32_t slot = 0; slot < table.slots(); ++slot) ++count[table.owners_of_slot(slot)[0]];
  return count;
}

double busiest_over_mean(const PlacementTable& table, size_t nodes) {
  const auto count = owned(table, nodes);
  return *std::max_element(count.begin(), count.end()) * static_cast<double>(nodes) / table.slots();
}

// Without its middle node: slots whose owner changed, over the slots that node owned.
double moved_over_minimum(const PlacementTable& before, const Members& members) {
  const size_t leaver = members.size() / 2;
  Members rest = members;
  rest.erase(rest.begin() + static_cast<std::ptrdiff_t>(leaver));
  const PlacementTable after(rest, before.slots());
  uint32_t moved = 0;
  for (uint32_t slot = 0; slot < before.slots(); ++slot) {
    if (before.owners_of_slot(slot)[0] != after.owners_of_slot(slot)[0]) ++moved;
  }
  return static_cast<double>(moved) / owned(before, members.size())[leaver];
}

// With weights 1, 2 and 3 in turn: how far the share of each weight's nodes together lies from what is due,
// at worst.
double weight_error(Members members, uint32_t slots) {
  double due[3] = {};
  double total = 0;
  for (size_t i = 0; i < members.size(); ++i) {
    members[i].weight = static_cast<uint32_t>(1 + i % 3);
    due[i % 3] += members[i].weight;
    total += members[i].weight;
  }
  const auto count = owned(PlacementTable(members, slots), members.size());
  double got[3] = {};
  for (size_t i = 0; i < members.size(); ++i) got[i % 3] += count[i];
  double worst = 0;
  for (size_t w = 0; w < 3; ++w) worst = std::max(worst, std::abs(got[w] / slots / (due[w] / total) - 1));
  return worst;
}

// The best of five rounds, in nanoseconds; the sum of answers keeps the look-ups from being optimised away.
template <typename Lookup>
double nanoseconds_each(const std::vector<uint64_t>& keys, uint64_t& sum, Lookup lookup) {
  double best = 1e300;
  for (int round = 0; round < 5; ++round) {
    const auto start = std::chrono::steady_clock::now();
    for (const uint64_t key : keys) sum += lookup(key);
    best = std::min(best, milliseconds_since(start) * 1e6 / static_cast<double>(keys.size()));
  }
  return best;
}

std::map<uint64_t, NodeIndex> ring_of(const Members& members) {
  std::map<uint64_t, NodeIndex> ring;
  for (const auto& member : members) {
    for (uint64_t i = 0; i < 160; ++i) ring[perigee::hash64(perigee::hash64(member.name), i)] = member.node;
  }
  return ring;
}

Figures measure(size_t nodes, const std::vector<uint64_t>& keys, uint64_t& sum) {
  std::vector<std::string> names;
  for (size_t i = 0; i < nodes; ++i) names.push_back("edge-" + std::to_string(i));
  Members members;
  for (size_t i = 0; i < nodes; ++i) members.push_back({names[i], 1, static_cast<NodeIndex>(i)});

  Figures figures;
  figures.nodes = nodes;
  figures.slots = default_slots(nodes);
  const auto start = std::chrono::steady_clock::now();
  const PlacementTable table(members, figures.slots);
  figures.build_ms = milliseconds_since(start);
  figures.busiest_over_mean = busiest_over_mean(table, nodes);
  figures.moved_over_minimum = moved_over_minimum(table, members);
  figures.weight_error = weight_error(members, figures.slots);
  figures.table_ns = nanoseconds_each(keys, sum, [&](uint64_t key) { return table.owners(key)[0]; });
  const auto ring = ring_of(members);
  figures.ring_ns = nanoseconds_each(keys, sum, [&](uint64_t key) {
    const auto at = ring.lower_bound(key);
    return at == ring.end() ? ring.begin()->second : at->second;
  });
  return figures;
}

void print_row(const Figures& f) {
  std::printf("%5zu %8u %9.1f %13.4f %10.4f %9.2f %% %9.2f %8.1f %7.1fx\n", f.nodes, f.slots, f.build_ms,
              f.busiest_over_mean, f.moved_over_minimum, 100 * f.weight_error, f.table_ns, f.ring_ns,
              f.ring_ns / f.table_ns);
  std::fflush(stdout);
}

void print_json(const std::vector<Figures>& all) {
  std::printf("{\"bench\":\"placement\",\"rows\":[");
  for (const Figures& f : all) {
    std::printf(
        "%s{\"nodes\":%zu,\"slots\":%u,\"build_ms\":%.1f,\"busiest_over_mean\":%.4f,"
        "\"moved_over_minimum\":%.4f,\"weight_error\":%.4f,\"lookup_ns\":%.2f,\"ring_lookup_ns\":%.2f,"
        "\"speedup\":%.2f}",
        &f == all.data() ? "" : ",", f.nodes, f.slots, f.build_ms, f.busiest_over_mean, f.moved_over_minimum,
        f.weight_error, f.table_ns, f.ring_ns, f.ring_ns / f.table_ns);
  }
  std::printf("]}\n");
}

}  // namespace

int main() {
  perigee::Random random(1);
  std::vector<uint64_t> keys(1'000'000);
  for (uint64_t& key : keys) key = random.next();
  uint64_t sum = 0;
  std::vector<Figures> all;
  std::printf("nodes    slots  build ms  busiest/mean  moved/min  weights off  table ns  ring ns  faster\n");
  for (const size_t nodes : {3, 5, 10, 20, 50, 100, 200, 500}) {
    all.push_back(measure(nodes, keys, sum));
    print_row(all.back());
  }
  std::fprintf(stderr, "checksum %llu\n", static_cast<unsigned long long>(sum));
  print_json(all);
  return 0;
}
