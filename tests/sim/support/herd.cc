#include "tests/sim/support/herd.h"

#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <vector>

#include "edge/base/hash.h"
#include "edge/cache/key.h"
#include "tests/sim/support/sim_client.h"
#include "tests/sim/support/sim_cluster.h"
#include "tests/sim/support/sim_origin.h"

namespace perigee::sim {

namespace {

using namespace std::chrono_literals;

constexpr Duration client_delay = 7ms;
constexpr Duration peer_delay = 3ms;
constexpr Duration origin_delay = 40ms;

class Herd {
 public:
  explicit Herd(const HerdOptions& options);
  ~Herd() {
    clients_.reset();
    cluster_.reset();
  }
  HerdFigures run();

 private:
  void send(const std::string& node);
  void add_up(const Outcome& outcome);
  std::string owner() const;
  Membership members() const;

  const HerdOptions options_;
  net::MemoryWorld world_;
  Truth truth_;
  std::unique_ptr<SimOrigin> origin_;
  std::unique_ptr<SimCluster> cluster_;
  std::unique_ptr<SimClients> clients_;
  std::vector<Outcome> outcomes_;
  std::string killed_;
  uint64_t asks_ = 0;
  HerdFigures figures_;
};

std::vector<Resource> one_resource(uint64_t bytes) {
  Resource resource;
  resource.lifetime_s = 3600;
  resource.bytes = bytes;
  return {resource};
}

Membership Herd::members() const {
  Membership members;
  for (unsigned i = 1; i <= options_.nodes; ++i)
    members.push_back({fmt::format("eu-{}", i), "eu", fmt::format("10.1.0.{}", i), 1});
  return members;
}

Herd::Herd(const HerdOptions& options)
    : options_(options), world_(options.seed), truth_(one_resource(options.bytes)) {
  ClusterSettings settings;
  // One response may take an eighth of it.
  settings.budget_bytes = std::max<uint64_t>(64 << 20, options.bytes * 9);
  world_.set_default_link({peer_delay});
  origin_ = std::make_unique<SimOrigin>(world_, net::Address::parse_ip(origin_ip, 80).value(), truth_, 1);
  OriginMood mood;
  mood.latency = options.origin_latency;
  mood.bytes_per_second = options.origin_bytes_per_second;
  origin_->set_mood(mood);
  cluster_ = std::make_unique<SimCluster>(world_, settings, std::vector<Membership>{members()});
  clients_ =
      std::make_unique<SimClients>(world_, "clients", "10.100.0.1", options.seed,
                                   [this](Outcome outcome) { outcomes_.push_back(std::move(outcome)); });
  for (const NodeSpec& node : members()) {
    world_.set_link("clients", node.name, {client_delay});
    world_.set_link(node.name, "clients", {client_delay});
    world_.set_link(node.name, "origin", {origin_delay});
    world_.set_link("origin", node.name, {origin_delay});
    cluster_->boot(node.name);
  }
  world_.run_until_idle();
}

std::string Herd::owner() const {
  cluster::Topology topology;
  topology.regions.push_back({"eu", ClusterSettings().slots, ""});
  for (const NodeSpec& node : members()) {
    cluster::NodeInfo info;
    info.name = node.name;
    info.region = node.region;
    topology.nodes.push_back(info);
  }
  std::string key;
  cache::build_key("http", "sim.example", "/r0", key);
  return topology.nodes[cluster::Placement::build(topology)->owners(0, cache::key_hash(key)).front()].name;
}

void Herd::send(const std::string& node) {
  Ask ask;
  ask.number = ++asks_;
  ask.node = node;
  clients_->send(std::move(ask), cluster_->client_address(node));
}

HerdFigures Herd::run() {
  const std::string owner = this->owner();
  std::string asker;
  for (const NodeSpec& node : members()) {
    if (node.name != owner && asker.empty()) asker = node.name;
  }
  // The first one is a moment ahead, so that it is known who asked first.
  send(asker);
  world_.advance(1ms);
  for (unsigned i = 0; i < options_.clients_per_node; ++i) {
    for (const NodeSpec& node : members()) send(node.name);
  }
  if (options_.kill != HerdOptions::Kill::nobody) {
    killed_ = options_.kill == HerdOptions::Kill::owner ? owner : asker;
    const double half_s =
        static_cast<double>(options_.bytes) / 2 / static_cast<double>(options_.origin_bytes_per_second);
    const auto half = std::chrono::duration_cast<Duration>(std::chrono::duration<double>(half_s));
    world_.advance(options_.origin_latency + 4 * origin_delay + half);
    cluster_->crash(killed_);
  }
  world_.run_until([this] { return outcomes_.size() == asks_; }, 300s);
  for (const Outcome& outcome : outcomes_) add_up(outcome);
  figures_.client_errors += asks_ - outcomes_.size();
  figures_.gets = truth_.exchanges().size();
  figures_.ejections = cluster_->metric(Metric::peer_ejections);
  figures_.fallbacks = cluster_->metric(Metric::peer_fallbacks);
  return figures_;
}

void Herd::add_up(const Outcome& outcome) {
  figures_.wrong += !outcome.body_fault.empty();
  const bool whole = outcome.end == End::complete && outcome.status == 200 &&
                     outcome.body_bytes == body_bytes(truth_.resource(0), 1);
  figures_.complete += whole;
  if (outcome.ask.node == killed_) return;
  figures_.client_errors += !whole;
  if (!outcome.first_byte_at || truth_.exchanges().empty()) return;
  const Duration way =
      origin_delay + (outcome.ask.node == owner() ? Duration::zero() : peer_delay) + client_delay;
  figures_.excess =
      std::max(figures_.excess, *outcome.first_byte_at - *truth_.exchanges().front().answered - way);
}

}  // namespace

HerdFigures run_herd(const HerdOptions& options) { return Herd(options).run(); }

}  // namespace perigee::sim
