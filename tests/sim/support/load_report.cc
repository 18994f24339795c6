#include "tests/sim/support/load_report.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <memory>
#include <utility>

#include "edge/base/hash.h"
#include "tests/sim/support/cache_status.h"
#include "tests/sim/support/sim_client.h"
#include "tests/sim/support/sim_cluster.h"
#include "tests/sim/support/sim_origin.h"

namespace perigee::sim {

namespace {

using namespace std::chrono_literals;

std::vector<Resource> make_urls(const LoadOptions& options, Random& random) {
  std::vector<Resource> urls(options.urls);
  for (size_t i = 0; i < urls.size(); ++i) {
    urls[i].number = static_cast<uint32_t>(i);
    urls[i].lifetime_s = options.lifetime_s;
    urls[i].bytes = 1 + random.below(2 * options.bytes);
  }
  return urls;
}

Membership with_addresses(Membership nodes) {
  for (size_t i = 0; i < nodes.size(); ++i) nodes[i].ip = fmt::format("10.1.{}.{}", i / 200, 1 + i % 200);
  return nodes;
}

class LoadRun {
 public:
  explicit LoadRun(const LoadOptions& options);
  ~LoadRun() {
    clients_.reset();
    cluster_.reset();
  }
  LoadReport run();

 private:
  void heard(const Outcome& outcome);
  NodeLoad& load_of(const std::string& name);
  void add_up();

  const LoadOptions options_;
  net::MemoryWorld world_;
  Random random_;
  Truth truth_;
  std::unique_ptr<SimOrigin> origin_;
  std::unique_ptr<SimCluster> cluster_;
  std::unique_ptr<SimClients> clients_;
  LoadReport report_;
};

LoadRun::LoadRun(const LoadOptions& options)
    : options_(options),
      world_(options.seed),
      random_(hash64(options.seed, 1)),
      truth_(make_urls(options, random_)) {
  ClusterSettings settings;
  settings.budget_bytes = options.budget_bytes;
  settings.shield = options.shield;
  settings.slots = 0;
  world_.set_default_link({2ms});
  origin_ = std::make_unique<SimOrigin>(world_, net::Address::parse_ip(origin_ip, 80).value(), truth_, 1);
  OriginMood mood;
  mood.latency = 20ms;
  origin_->set_mood(mood);
  cluster_ =
      std::make_unique<SimCluster>(world_, settings, std::vector<Membership>{with_addresses(options.nodes)});
  clients_ = std::make_unique<SimClients>(world_, "clients", "10.100.0.1", options.seed,
                                          [this](Outcome outcome) { heard(outcome); });
  for (const NodeSpec& node : options.nodes) {
    cluster_->boot(node.name);
    NodeLoad load;
    load.name = node.name;
    load.region = node.region;
    load.weight = node.weight;
    report_.nodes.push_back(std::move(load));
  }
  world_.run_until_idle();
}

NodeLoad& LoadRun::load_of(const std::string& name) {
  return *std::find_if(report_.nodes.begin(), report_.nodes.end(),
                       [&](const NodeLoad& load) { return load.name == name; });
}

void LoadRun::heard(const Outcome& outcome) {
  ++report_.requests;
  const bool right = outcome.end == End::complete && outcome.status == 200 && outcome.body_fault.empty();
  report_.failed += !right;
  const auto caches = parse_cache_status(outcome.field("cache-status"));
  if (!right || !caches) return;
  if (caches->back().hit) {
    ++report_.hits_here;
    ++load_of(caches->back().name).hits;
    return;
  }
  const auto hit = std::find_if(caches->begin(), caches->end(), [](const auto& cache) { return cache.hit; });
  if (hit == caches->end()) return;
  ++report_.hits_there;
  ++load_of(hit->name).hits;
}

LoadReport LoadRun::run() {
  const Zipf zipf(options_.urls, options_.zipf);
  const auto gap =
      std::chrono::duration_cast<Duration>(std::chrono::duration<double>(1 / options_.requests_per_second));
  for (uint64_t i = 1; i <= options_.requests; ++i) {
    Ask ask;
    ask.number = i;
    ask.resource = static_cast<uint32_t>(zipf.draw(random_));
    // Names lead clients to every node of a region alike.
    ask.node = options_.nodes[random_.below(options_.nodes.size())].name;
    ++load_of(ask.node).client_requests;
    const net::Address to = cluster_->client_address(ask.node);
    clients_->send(std::move(ask), to);
    world_.advance(gap);
  }
  world_.run_until([this] { return clients_->under_way() == 0; }, 120s);
  report_.failed += clients_->under_way();
  add_up();
  return report_;
}

void LoadRun::add_up() {
  report_.origin_requests = truth_.exchanges().size();
  std::map<std::string, std::pair<double, double>> regions;  // load and weight
  for (NodeLoad& load : report_.nodes) {
    load.peer_requests = cluster_->metric(load.name, Metric::peer_requests);
    load.origin_requests = cluster_->metric(load.name, Metric::upstream_requests_origin);
    regions[load.region].first += static_cast<double>(load.client_requests + load.peer_requests);
    regions[load.region].second += load.weight;
  }
  for (const NodeLoad& load : report_.nodes) {
    const auto [sum, weight] = regions[load.region];
    const double due = sum * load.weight / weight;
    const double ratio = static_cast<double>(load.client_requests + load.peer_requests) / due;
    report_.busiest_over_mean = std::max(report_.busiest_over_mean, ratio);
  }
}

}  // namespace

double LoadReport::offload() const {
  return requests == 0 ? 0 : 1 - static_cast<double>(origin_requests) / static_cast<double>(requests);
}

double LoadReport::hit_ratio() const {
  return requests == 0 ? 0 : static_cast<double>(hits_here + hits_there) / static_cast<double>(requests);
}

LoadReport run_load(const LoadOptions& options) { return LoadRun(options).run(); }

std::string to_json(const LoadOptions& options, const LoadReport& report) {
  std::string text = fmt::format(
      "{{\"requests\":{},\"failed\":{},\"urls\":{},\"zipf\":{},\"shield\":\"{}\",\"origin_requests\":{},"
      "\"offload\":{:.4f},"
      "\"hit_ratio\":{:.4f},\"hits_here\":{},\"hits_there\":{},\"busiest_over_mean\":{:.4f},\"nodes\":[",
      report.requests, report.failed, options.urls, options.zipf, options.shield, report.origin_requests,
      report.offload(), report.hit_ratio(), report.hits_here, report.hits_there, report.busiest_over_mean);
  for (const NodeLoad& node : report.nodes) {
    text += fmt::format(
        "{}{{\"name\":\"{}\",\"region\":\"{}\",\"weight\":{},\"client_requests\":{},\"peer_requests\":{},"
        "\"origin_requests\":{},\"hits\":{}}}",
        &node == report.nodes.data() ? "" : ",", node.name, node.region, node.weight, node.client_requests,
        node.peer_requests, node.origin_requests, node.hits);
  }
  return text + "]}";
}

}  // namespace perigee::sim
