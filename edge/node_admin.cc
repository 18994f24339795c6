// What the admin pages show of a node.
#include <algorithm>

#include "edge/cache/piece_heap.h"
#include "edge/control/admin_pages.h"
#include "edge/control/explain_page.h"
#include "edge/control/metrics_text.h"
#include "edge/node.h"

namespace perigee {

namespace {

constexpr size_t urls_max = 20;

}  // namespace

uint64_t Node::metric(Metric metric) const {
  uint64_t sum = control_metrics_.read(metric) + sweeper_->metrics().read(metric);
  for (const auto& worker : workers_) sum += worker->metrics().read(metric);
  return sum;
}

// The store's own figures are put beside those of the threads first.
std::vector<const MetricShard*> Node::shards() {
  const cache::StoreStats stats = store_->stats();
  control_metrics_.set(Metric::store_bytes, stats.bytes_used);
  control_metrics_.set(Metric::store_responses, stats.responses);
  control_metrics_.set(Metric::store_evictions, stats.evictions);
  set_memory_metrics();
  control_metrics_.set(Metric::hot_copy_bytes, hot_copies_->bytes());
  control_metrics_.set(Metric::purge_rules, sweeper_->rules());
  uint64_t turns_long = 0;
  for (const auto& worker : workers_) turns_long += worker->loop().turns_long();
  control_metrics_.set(Metric::turns_long_control, control_.turns_long());
  control_metrics_.set(Metric::turns_long_worker, turns_long);
  if (options_.log_dropped) control_metrics_.set(Metric::log_dropped, options_.log_dropped());
  std::vector<const MetricShard*> all{&control_metrics_, &sweeper_->metrics()};
  for (const auto& worker : workers_) all.push_back(&worker->metrics());
  return all;
}

void Node::set_memory_metrics() {
  const cache::Budget& budget = store_->budget();
  if (budget.pieces() != nullptr) control_metrics_.set(Metric::store_holes, budget.pieces()->holes());
  if (budget.blocks() == nullptr) return;
  const BlockMemory::Stats blocks = budget.blocks()->stats();
  control_metrics_.set(Metric::body_blocks, blocks.used);
  control_metrics_.set(Metric::body_blocks_waiting, blocks.waiting);
  control_metrics_.set(Metric::body_blocks_lost, blocks.lost);
  control_metrics_.set(Metric::body_block_bytes, blocks.bytes);
  control_metrics_.set(Metric::body_blocks_on_heap, blocks.refused);
}

std::string Node::metrics_text() {
  std::vector<const proxy::TrafficShard*> traffic;
  for (const auto& worker : workers_) traffic.push_back(&worker->worker().traffic());
  return control::metrics_text(shards()) + control::traffic_text(traffic);
}

std::string Node::config_json() { return control::config_json(*config_.current(), config_.current_id()); }

std::string Node::topology_json() {
  std::vector<std::shared_ptr<proxy::OriginRecord>> origins;
  for (const auto& site : snapshot_->sites->sites()) {
    for (const proxy::OriginServer& server : site->origin->servers) {
      const auto& record = snapshot_->origin(server);
      if (std::find(origins.begin(), origins.end(), record) == origins.end()) origins.push_back(record);
    }
  }
  return control::topology_json(*config_.current(), health_->view().get(), snapshot_->peers, origins,
                                control_.now());
}

void Node::count_answers(control::NodeStatus& status) {
  using proxy::AnswerKind;
  constexpr size_t server_error = 5;
  status.answer_buckets.assign(proxy::LatencyHistogram::bucket_count, 0);
  const auto add = [&](const std::string&, const proxy::SiteTraffic& traffic) {
    for (size_t kind = 0; kind < proxy::answer_kind_count; ++kind) {
      for (size_t code = 0; code < proxy::status_classes; ++code) {
        const uint64_t answers = traffic.answers(static_cast<AnswerKind>(kind), code);
        status.answers += answers;
        if (code == 0 || code == server_error) status.failures += answers;
      }
    }
    for (size_t i = 0; i < status.answer_buckets.size(); ++i)
      status.answer_buckets[i] += traffic.answer_time().in_bucket(i);
  };
  for (const auto& worker : workers_) worker->worker().traffic().visit_sites(add);
}

std::string Node::status_json() {
  const cluster::ClusterView& view = *snapshot_->cluster;
  const std::shared_ptr<const cluster::HealthView> health = health_->view();
  control::NodeStatus status;
  status.name = snapshot_->node_name;
  if (config_.current()->topology != nullptr) status.region = view.topology.nodes[view.self].region;
  status.version = PERIGEE_VERSION;
  status.uptime_s = std::chrono::duration_cast<std::chrono::seconds>(control_.now() - started_).count();
  status.ready = ready();
  status.draining = draining_ || out_;
  status.config_id = config_.current_id();
  status.peers = static_cast<uint32_t>(view.topology.nodes.size() - 1);
  for (size_t i = 0; i < view.topology.nodes.size(); ++i) {
    if (i != view.self && health->usable(static_cast<cluster::NodeIndex>(i))) ++status.peers_up;
  }
  count_answers(status);
  return control::status_json(status, shards());
}

void Node::purge(std::string_view body, const JsonDone& done) {
  purges_->purge(body, [done](const PurgeAnswer& answer) { done(answer.status, answer.json + "\n"); });
}

std::string Node::diff_json() {
  return control::reload_json(
      config_.compare(io_.files(), options_.config_path, options_.node_name, control_.wall_now()));
}

// The reader's turn ends in explain(): between two pages the control loop holds nothing of the store.
Result<std::string> Node::explain_json(std::string_view query) {
  const auto asked = control::parse_explain_query(query);
  if (!asked) return tl::unexpected(asked.error());
  const auto explanation =
      proxy::explain(*asked, *snapshot_, *health_->view(), *control_reader_, control_.wall_now());
  if (!explanation) return tl::unexpected(explanation.error());
  return control::explain_json(*asked, *explanation, snapshot_->node_name);
}

// Each worker counts for itself and is asked on its own loop; the last one's answer makes the page.
void Node::urls(const JsonDone& done) {
  struct Gathering {
    std::vector<cluster::TopView> views;
    JsonDone done;
  };
  auto gathering = std::make_shared<Gathering>();
  gathering->done = done;
  for (const auto& worker : workers_) {
    worker->loop().post(net::make_task([this, to = &worker->worker(), gathering]() mutable {
      control_.post(net::make_task([this, gathering = std::move(gathering), view = to->top_keys()]() mutable {
        gathering->views.push_back(std::move(view));
        if (gathering->views.size() < workers_.size()) return;
        gathering->done(200, control::urls_json(cluster::merge(gathering->views, urls_max)));
      }));
    }));
  }
}

void Node::reload(ReloadDone done) { done(reload()); }

}  // namespace perigee
