// What the clients of a simulation ask for.

#include <fmt/format.h>

#include <algorithm>

#include "edge/base/hash.h"
#include "tests/sim/support/simulation.h"

namespace perigee::sim {

void Simulation::send(Ask ask) {
  ask.number = next_ask_++;
  ++figures_.asks;
  say(fmt::format("#{} {} r{} l{} at {}{}{}{}", ask.number, ask.method, ask.resource, ask.language, ask.node,
                  ask.range.empty() ? "" : " range " + ask.range, ask.known ? " if changed" : "",
                  ask.no_cache ? " no-cache" : ""));
  invariants_->began(ask, world_.now());
  const net::Address to = cluster_->client_address(ask.node);
  clients_.at(cluster_->spec(ask.node).region)->send(std::move(ask), to);
}

Ask Simulation::draw_ask() {
  const TrafficMix& mix = scenario_.traffic;
  const Membership& nodes = scenario_.nodes();
  Ask ask;
  ask.node = nodes[random_.below(nodes.size())].name;
  ask.resource = static_cast<uint32_t>(zipf_.draw(random_));
  const Resource& resource = truth_.resource(ask.resource);
  if (resource.languages > 0) ask.language = static_cast<unsigned>(random_.below(resource.languages));
  const double kind = random_.unit();
  if (kind < mix.unsafe) {
    ask.method = random_.chance(0.5) ? "PUT" : "POST";
    ask.content_bytes = random_.below(20'000);
    return ask;
  }
  if (kind < mix.unsafe + mix.head) ask.method = "HEAD";
  draw_extras(ask);
  return ask;
}

void Simulation::draw_extras(Ask& ask) {
  const TrafficMix& mix = scenario_.traffic;
  const Resource& resource = truth_.resource(ask.resource);
  const auto seen = seen_.find({ask.resource, ask.language});
  const bool has_tag = seen != seen_.end() && resource.has_etag;
  if (ask.method == "GET" && random_.chance(mix.range)) {
    ask.range = draw_range(resource);
    if (has_tag && random_.chance(0.3)) ask.if_range = seen->second;
  }
  if (has_tag && random_.chance(mix.conditional)) ask.known = seen->second;
  ask.no_cache = random_.chance(mix.no_cache);
  ask.slow = random_.chance(mix.slow);
  if (random_.chance(mix.leaves)) ask.leaves_after = 1 + random_.below(resource.bytes);
}

std::string Simulation::draw_range(const Resource& resource) {
  const uint64_t size = resource.bytes;
  const uint64_t first = random_.below(size + size / 8 + 1);
  const double kind = random_.unit();
  if (kind < 0.2) return fmt::format("bytes=-{}", 1 + random_.below(size));
  if (kind < 0.4) return fmt::format("bytes={}-", first);
  if (kind < 0.5 && size > 1000) {
    const uint64_t gap = size / 2;
    return fmt::format("bytes={}-{},{}-{}", 0, size / 10, gap, gap + size / 10);
  }
  return fmt::format("bytes={}-{}", first, first + random_.below(size));
}

void Simulation::schedule_purges() {
  const double per_second = scenario_.traffic.purges_per_second;
  if (per_second <= 0) return;
  const MonoTime at = world_.now() + draw_gap(purge_random_, per_second);
  if (at >= traffic_ends_) return;
  schedule(at, [this] {
    send_purge();
    schedule_purges();
  });
}

void Simulation::send_purge() {
  const Membership& nodes = scenario_.nodes();
  const std::string& node = nodes[purge_random_.below(nodes.size())].name;
  const PurgeWish wish = draw_purge(purge_random_, scenario_.catalogue.size());
  if (!cluster_->runs(node)) return;
  const size_t number = purges_.add(wish, node, world_.now());
  ++figures_.purges;
  say(fmt::format("purge {} at {}: {}", number, node, wish.body()));
  cluster_->node(node)->purge(
      wish.body(), [this, number](int status, const std::string& json) { purged(number, status, json); });
}

void Simulation::purged(size_t purge, int status, const std::string& json) {
  say(fmt::format("purge {}: {} {}", purge, status, json));
  figures_.receipts += status == 200;
  answers_digest_ = hash64(answers_digest_, hash64(json));
  purges_.answered(purge, status, json, world_.now());
}

}  // namespace perigee::sim
